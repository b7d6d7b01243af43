"""``python -m runtail.shipper --link <fd>``: started by the keeper, never by hand.

The order matters: while the Redis client is imported (0.1 s) output is taken
from the pipes already.
"""

import argparse
import logging
import os
import signal

from runtail import logs
from runtail.settings import load_settings
from runtail.shipper.admin import Admin
from runtail.shipper.echo import Echo
from runtail.shipper.link import Link
from runtail.shipper.reader import Reader
from runtail.shipper.sender import Sender


def main() -> None:
    """Ship until the keeper closes the link and every run is over."""
    parser = argparse.ArgumentParser(prog="runtail.shipper")
    parser.add_argument("--link", type=int, required=True, help="descriptor of the keeper's link")
    options = parser.parse_args()
    # It outlives the worker, which is what they are for.
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    logs.set_up("shipper", "runtail.shipper", os.environ)
    settings = load_settings(os.environ)
    link = Link(options.link)
    sender = Sender(settings, link, Echo(1 if settings.echo else None))
    reader = Reader(link, sender, settings)
    sender.admin = Admin(sender, reader)
    signal.signal(signal.SIGTERM, reader.note_term)
    signal.set_wakeup_fd(reader.waking_fd, warn_on_full_buffer=False)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
    sender.start()
    reader.serve()
    if reader.gave_up:
        # The sender may hang in a call to the store; nothing is left for it to do.
        logging.shutdown()
        os._exit(0)
    sender.stop()
    sender.admin.stop()


if __name__ == "__main__":
    main()
