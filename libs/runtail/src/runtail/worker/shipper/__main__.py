"""``python -m runtail.worker.shipper --link <fd>``: started by the keeper, never by hand.

The order matters: output is already taken from the pipes while the Redis
client is imported (0.1 s).
"""

import argparse
import logging
import os
import signal

from runtail import logs
from runtail.settings import load_settings
from runtail.worker.shipper.context import Context
from runtail.worker.shipper.health import Admin
from runtail.worker.shipper.link import KeeperLink
from runtail.worker.shipper.output.echo import Echo
from runtail.worker.shipper.pipe_reader import PipeReader
from runtail.worker.shipper.sender import Sender


def main() -> None:
    """Ship until the keeper closes the link and every run is over."""
    parser = argparse.ArgumentParser(prog="runtail.worker.shipper")
    parser.add_argument("--link", type=int, required=True, help="descriptor of the keeper's link")
    options = parser.parse_args()
    # This process outlives the worker, which these signals are meant for.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up("shipper", "runtail.worker.shipper", os.environ)
    settings = load_settings(os.environ)
    link = KeeperLink(options.link)
    context = Context(settings, link, Echo(1 if settings.echo else None))
    sender = Sender(context)
    reader = PipeReader(context, sender)
    admin = Admin(context, sender, reader)
    sender.in_spare_time = admin.start
    signal.signal(signal.SIGTERM, reader.note_term)
    signal.set_wakeup_fd(reader.waking_fd, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    sender.start()
    reader.serve()
    if reader.gave_up:
        # The sender may hang in a call to the store; it has nothing left to do.
        logging.shutdown()
        os._exit(0)
    sender.stop()
    admin.stop()


if __name__ == "__main__":
    main()
