"""The live edge: who takes a frame stays, who does not leaves at exactly the right place."""

import orjson
import pytest

from runtail.access.principal import anyone
from runtail.protocol import EVENT, GENESIS, OUTPUT, Clip, Cursor, Entry, EntryId
from runtail.protocol import event as events
from runtail_socket.clients.viewer import Viewer
from runtail_socket.delivery.feed import Feed, Subscription, SubscriptionState
from runtail_socket.delivery.frames import Chunk, Shape, chunks
from runtail_socket.transport.websocket import Frame, Writer, WriteResult


class NullLink:
    """A client that takes frames as it is told to."""

    def __init__(self) -> None:
        self.takes = WriteResult.ALL
        self.frames: list[Frame] = []
        self.queue: list[Frame] = []
        self.closed = False
        self.queued = 0

    def writer(self) -> Writer | None:
        return None if self.takes is WriteResult.NONE else self._write

    def _write(self, frame: Frame) -> int:
        self.frames.append(frame)
        return len(frame) if self.takes is WriteResult.ALL else 1

    def record_write(self, _frame: Frame, _sent: int | OSError) -> WriteResult:
        return WriteResult.PART

    def enqueue(self, frame: Frame) -> None:
        self.queue.append(frame)


class Scene:
    """A feed with subscriptions at its edge, and what it asked for."""

    def __init__(self) -> None:
        self.catching_up: list[Subscription] = []
        self.unused: list[Feed] = []
        self.feed = Feed("r", Cursor(7), catch_up=self.catching_up.append, on_unused=self.unused.append)
        self.viewers: dict[Subscription, Viewer] = {}
        self._seq = 0
        self._at = Cursor(7)

    def join(self, shape: Shape | Clip = Shape.ENTRIES, window_bytes: int = 1000) -> tuple[Subscription, NullLink]:
        link = NullLink()
        viewer = Viewer(link, anyone("somebody"))  # type: ignore[arg-type]
        subscription = Subscription(viewer.link, self.feed, shape, self.feed.cursor, window_bytes, viewer.forget)
        viewer.subscriptions["r"] = subscription
        self.viewers[subscription] = viewer
        self.feed.subscriptions.add(subscription)
        self.feed.join(subscription)
        return subscription, link

    def chunk(self, payload: bytes, *, event: bool = False) -> Chunk:
        self._seq += 1
        entry = Entry.make(EntryId(1, self._seq), EVENT if event else OUTPUT, self._at.line, 5, payload, self._at.chain)
        start, self._at = self._at, Cursor(7, entry.id, entry.next_line, entry.chain)
        (chunk,) = chunks("r", start, [entry], 100_000)
        return chunk


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_one_frame_is_encoded_for_all_who_want_its_shape(scene: Scene) -> None:
    links = [scene.join()[1] for _ in range(3)]
    _, plain = scene.join(Shape.LINES)
    frames, sent_bytes = scene.feed.deliver([scene.chunk(b"a\n"), scene.chunk(b"b\n")])
    assert frames == 8
    assert sent_bytes == sum(len(frame) for link in [*links, plain] for frame in link.frames)
    assert links[0].frames[0] is links[1].frames[0] is links[2].frames[0]
    assert plain.frames[0] is not links[0].frames[0]
    assert scene.feed.cursor.line == 3
    assert not scene.catching_up


def test_who_takes_nothing_leaves_before_the_frame_and_who_takes_a_part_behind_it(scene: Scene) -> None:
    full, full_link = scene.join()
    part, part_link = scene.join()
    full_link.takes, part_link.takes = WriteResult.NONE, WriteResult.PART
    scene.feed.deliver([scene.chunk(b"a\n"), scene.chunk(b"b\n")])
    assert set(scene.catching_up) == {full, part}
    assert (full.cursor.line, full.cursor.chain) == (1, GENESIS)
    assert part.cursor.line == 2
    assert (len(full_link.frames), len(part_link.frames)) == (0, 1)
    assert full.state is part.state is SubscriptionState.CATCHING_UP
    assert not scene.feed.live_set


def test_a_full_window_leaves_the_edge_and_an_acknowledgement_opens_it(scene: Scene) -> None:
    subscription, link = scene.join(window_bytes=10)
    subscription.acknowledge(0)
    scene.feed.deliver([scene.chunk(b"0123456789\n"), scene.chunk(b"b\n")])
    assert len(link.frames) == 1
    assert scene.catching_up == [subscription]
    assert subscription.cursor.line == 2
    # The last is more than was ever sent, which opens no larger window.
    opened = [subscription.window_open]
    for total in (11, 10_000):
        subscription.acknowledge(total)
        opened.append(subscription.window_open)
    subscription.count(10)
    assert [*opened, subscription.window_open] == [False, True, True, False]


def test_the_end_is_told_behind_the_terminal_entry(scene: Scene) -> None:
    told, link = scene.join()
    later, later_link = scene.join()
    payload = events.encode(events.END, state="succeeded", why="done", exit_status=0, signal=None,
                            lines=0, bytes=0, chain="00")  # fmt: skip
    later_link.takes = WriteResult.NONE
    scene.feed.deliver([scene.chunk(payload, event=True)])
    assert b"tail-message" in bytes(link.frames[0])
    assert b"tail-end" in bytes(link.frames[1])
    assert told.told_end
    assert not later.told_end
    assert scene.feed.end is not None


def test_the_unfinished_line_is_shown_once_and_missing_it_costs_nothing(scene: Scene) -> None:
    _, link = scene.join()
    _, busy = scene.join()
    _, plain = scene.join(Shape.LINES)
    busy.takes = WriteResult.NONE
    live = {"rev": 1, "line": 1, "text": "x", "progress": None}
    scene.feed.show_live(live)
    scene.feed.show_live(dict(live))
    assert len(link.frames) == 1
    assert plain.frames == busy.frames == []
    assert not scene.catching_up
    _, joining = scene.join()
    assert joining.frames == link.frames


def test_a_finished_subscription_is_forgotten_by_all(scene: Scene) -> None:
    one, link = scene.join()
    other, _ = scene.join()
    farewell = Frame(b"bye")
    one.finish(farewell)
    one.finish(farewell)
    assert link.queue == [farewell]
    assert scene.viewers[one].subscriptions == {}
    assert scene.unused == []
    scene.viewers[other].finish()
    assert scene.unused == [scene.feed]
    assert not scene.feed.subscriptions
    assert not scene.feed.live_set


def test_a_client_that_is_gone_is_dropped_at_the_next_frame(scene: Scene) -> None:
    _, link = scene.join()
    link.takes, link.closed = WriteResult.NONE, True
    scene.feed.deliver([scene.chunk(b"a\n")])
    assert not scene.catching_up
    assert scene.unused == [scene.feed]


def text_of(frame: Frame) -> str:
    """Return what the entries of a frame say."""
    return "".join(one.get("text", "") for one in orjson.loads(frame[frame.index(b"[") :])[1]["entries"])


def test_guests_get_their_lines_and_cost_others_nothing(scene: Scene) -> None:
    _, whole = scene.join()
    (first, one), (_, two), (_, late) = scene.join(Clip(2)), scene.join(Clip(2)), scene.join(Clip(4))
    assert len(scene.feed.live_set) == 1
    scene.feed.deliver([scene.chunk(b"one\ntwo\n"), scene.chunk(b"three\nfour\n")])
    assert [text_of(frame) for frame in whole.frames] == ["one\ntwo\n", "three\nfour\n"]
    assert [text_of(frame) for frame in one.frames] == ["two\n", "three\nfour\n"]
    assert one.frames[0] is two.frames[0]
    assert [text_of(frame) for frame in late.frames] == ["four\n"]
    # Acknowledgements count what was sent.
    first.acknowledge(len(b"two\nthree\nfour\n"))
    assert first.window_open


def test_a_guest_sees_the_unfinished_line_only_if_it_is_shared(scene: Scene) -> None:
    _, before = scene.join(Clip(1))
    _, after_it = scene.join(Clip(9))
    scene.feed.show_live({"line": 3, "text": "50 %", "rev": 1})
    assert (len(before.frames), len(after_it.frames)) == (1, 0)


def test_a_guest_that_is_slow_catches_up_from_the_right_place(scene: Scene) -> None:
    subscription, link = scene.join(Clip(1))
    link.takes = WriteResult.NONE
    scene.feed.deliver([scene.chunk(b"a\n")])
    assert scene.catching_up == [subscription]
    assert not scene.feed.guests
    assert subscription.cursor.line == 1


def test_a_guest_is_told_the_end_without_totals(scene: Scene) -> None:
    subscription, link = scene.join(Clip(1))
    end = events.encode(events.END, state="failed", why="cancelled by ann", lines=1, bytes=2, chain="ab")
    scene.feed.deliver([scene.chunk(b"a\n"), scene.chunk(end, event=True)])
    assert subscription.state is SubscriptionState.OVER
    (farewell,) = link.queue
    assert orjson.loads(farewell[farewell.index(b"[") :]) == ["tail-end", {"v": 1, "run": "r", "state": "failed"}]
