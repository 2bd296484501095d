"""The log of what runs for long: one line an event on stderr, as systemd's journal likes it."""

import logging
import sys


class _OneLine(logging.Formatter):
    """A traceback only where somebody debugs; a line break within a message would begin another event."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(super().format(record).split("\n"))


def write_log(level: int = logging.INFO) -> None:
    """From now on, what floorsense's modules log goes to stderr; other libraries' from warnings on."""
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    root.handlers = [writer]
    root.setLevel(logging.WARNING)
    logging.getLogger("floorsense").setLevel(level)
