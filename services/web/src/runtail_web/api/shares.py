"""Share links: make, list and revoke them, and open one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request

from runtail import public_url
from runtail.access.decision import allowed, reaches_everything
from runtail.access.principal import Principal
from runtail.auth.sessions import Session, Sessions
from runtail.auth.share_access import GUEST
from runtail.auth.shares import Share, Shares, maker_of
from runtail.auth.tokens import Tokens
from runtail.errors import NotLoggedIn
from runtail.protocol import Clip
from runtail.runs.access import thing_of
from runtail.runs.record import Run, read_run
from runtail.store import Store
from runtail_web import responses
from runtail_web.auditing import note
from runtail_web.authorization import NOINDEX, allows, lacking, may, principal
from runtail_web.guard import check_same_origin
from runtail_web.json_response import json_response
from runtail_web.limits import Limits
from runtail_web.login.cookies import set_cookie
from runtail_web.login.wiring import Login
from runtail_web.problems import Problem, invalid, no_login
from runtail_web.requests import EmptyBody, OpenBody, ShareBody, read_body
from runtail_web.route_meta import RouteMeta, describe

_THE_RANGE = "The range"


def wanted_clip(body: ShareBody, run: Run) -> Clip:
    """Return the lines to share: they must exist, but for those of a link that is live.

    :raises Problem: 422.
    """
    lines = max(0, run.number("line") - 1)
    if body.live and body.to is not None:
        raise invalid([{"field": "to", "message": "cannot be given with live, which has no end"}], _THE_RANGE)
    if body.live:
        first_missing = lines + 2
        last = None
    else:
        first_missing = lines + 1
        last = lines if body.to is None else body.to
        if last > lines or lines == 0:
            message = f"is after the last line, {lines}" if lines else "cannot be known: nothing was printed yet"
            raise invalid([{"field": "to", "message": f"{message}; live shares what follows"}], _THE_RANGE)
    if body.from_line >= first_missing or (last is not None and body.from_line > last):
        raise invalid([{"field": "from", "message": "is after the last line"}], _THE_RANGE)
    return Clip(body.from_line, last)


def make_shares(store: Store, login: Login, limits: Limits) -> Blueprint:
    """Return the routes."""
    routes = Blueprint("shares", __name__)
    shares, sessions, tokens, settings = Shares(store), Sessions(store), Tokens(store), store.settings

    def alive(found: Sequence[Share | None]) -> list[Share]:
        access = login.authenticator.shares
        return access.alive(found) if access else []

    def is_mine(share: Share) -> bool:
        who = principal()
        kind, _, name = share.maker.partition(":")
        if kind == "token" and who.kind == "user":
            (token,) = tokens.find_all([name])
            return token is not None and token.owner_id == who.id
        return share.maker == maker_of(who)

    def summary(share: Share, *, works: bool) -> dict[str, Any]:
        """Return a share link as the API shows it."""
        return {
            "id": share.id,
            "run": share.run_id,
            "from": share.first,
            "to": share.last,
            "live": share.last is None,
            "maker": share.maker_name,
            "made_ms": share.made_ms,
            "ends_ms": share.ends_ms,
            "works": works,
            "revocable": is_mine(share) or reaches_everything(principal(), "admin"),
        }

    @routes.get("/runs/<run_id>/shares")
    @allows("share:create", on="run")
    @describe(
        RouteMeta(
            "listShares",
            "logs",
            "A run's share links, newest first",
            "One that does not `work` has a maker who may no longer read the run, or is of an earlier epoch.",
            {200: "The links, without their secrets."},
            returns=responses.Shares,
            problems=(404,),
        )
    )
    def listed(run_id: str) -> Response:
        read_run(store, run_id)
        found = shares.of_run(run_id)
        working = {share.id for share in alive(found)}
        return json_response({"shares": [summary(share, works=share.id in working) for share in found]})

    @routes.post("/runs/<run_id>/shares")
    @allows("share:create", on="run", limit="changes")
    @describe(
        RouteMeta(
            "makeShare",
            "logs",
            "Make a share link",
            "Whoever has it reads these lines without a login, and nothing else. The answer is the only one that has "
            "its secret. Without `to` the range ends with the last line of now; with `live` it has no end.",
            {201: "The new link: for browsers, and as a token for programs."},
            returns=responses.NewShare,
            body=ShareBody,
            body_required=False,
            problems=(404, 409, 422),
        )
    )
    def made(run_id: str) -> Response:
        body = read_body(request, ShareBody, optional=True)
        if not login.required:
            raise no_login()
        if not settings.auth_share_seconds:
            raise Problem(
                409, "no-shares", "There are no share links here", "RUNTAIL_AUTH_SHARE_SECONDS is 0, which says so."
            )
        run = read_run(store, run_id)
        if not may("log:read", run):
            raise lacking("log:read", run)
        seconds = settings.auth_share_seconds if body.seconds is None else body.seconds
        clip = wanted_clip(body, run)
        text, share = shares.make(run_id, clip, run.number("epoch"), principal(), seconds)
        lines = f"{clip.first}-{'' if clip.last is None else clip.last}"
        note("share-made", run=run_id, task=run.text("task"), why=f"{share.id}, lines {lines}")
        address = f"{public_url.address(settings, f'/s/{share.id}')}#{text.secret}"
        return json_response({**summary(share, works=True), "address": address, "token": text.text}, 201)

    @routes.delete("/shares/<share_id>")
    @allows("share:create", limit="changes")
    @describe(
        RouteMeta(
            "revokeShare",
            "logs",
            "Revoke a share link",
            "At once, also for those who are reading. Those of others take the right admin.",
            {204: "The link does not work any more."},
            problems=(404,),
        )
    )
    def revoked(share_id: str) -> Response:
        read_body(request, EmptyBody, optional=True)
        (share,) = shares.find_all([share_id])
        if share is None or not (is_mine(share) or reaches_everything(principal(), "admin")):
            raise Problem(404, "unknown-share", "There is no such share link", "It was revoked, or has ended.")
        shares.revoke(share)
        note("share-revoked", run=share.run_id, why=share.id)
        return Response(status=204)

    @routes.post("/shares/<share_id>/open")
    @allows("public")
    @describe(
        RouteMeta(
            "openShare",
            "logs",
            "Open a share link in a browser",
            "The browser gets a cookie with which it may read these lines. Programs send the link's token instead.",
            {200: "What the link shares."},
            returns=responses.OpenedShare,
            body=OpenBody,
            problems=(404, 429),
        )
    )
    def opened(share_id: str) -> Response:
        check_same_origin(request)
        secret = read_body(request, OpenBody).secret
        limits.check_opens(request.remote_addr)
        found = alive([shares.find(share_id, secret)])
        if not found:
            limits.opened_wrong(request.remote_addr)
            note("share-opened", "failed", why="share")
            raise Problem(
                404, "share", "This link does not work", "It was not copied as a whole, was revoked, or is too old."
            )
        share = found[0]
        limits.opened(share.id)
        note("share-opened", principal=Principal("share", f"share:{share.id}", GUEST, frozenset()), run=share.run_id)
        run = read_run(store, share.run_id)
        who = _sender(login)
        whole = who is not None and allowed(who, "log:read", thing_of(run))
        response = json_response(
            {
                "run": run.id,
                "task": run.text("task"),
                "from": share.first,
                "to": share.last,
                "live": share.last is None,
                "ends_ms": share.ends_ms,
                "whole": whole,
            },
            headers={"X-Robots-Tag": NOINDEX},
        )
        if not whole:
            _give(response, who, share)
        return response

    def _give(response: Response, who: Principal | None, share: Share) -> None:
        """Let the browser's session hold a link; it gets a session if it has none."""
        session: Session | None = None
        if who is not None:
            (session,) = sessions.find_all([who.credential.removeprefix("session:")])
        if session is None:
            agent = request.headers.get("User-Agent", "")
            cookie, session = sessions.begin("share", "", GUEST, None, address=request.remote_addr or "", agent=agent)
            set_cookie(response, settings, cookie)
        sessions.hold(session, share.id)

    return routes


def _sender(login: Login) -> Principal | None:
    """Return who a request that nobody need be known for comes from; None if that is not known."""
    try:
        return login.identify()
    except NotLoggedIn:
        return None
