"""The boot number: an integer that only grows, one more at each start.

It is the middle of every reading's identity, so it is on flash before the first reading of a start exists. A cut while it is
written leaves the old file or the new one.
"""

import os

from . import wholefile


def advance(path, unix_ms):
    """Count this start in the file ``path`` and return its number.

    ``unix_ms``: the time, or None. Raises OSError when the flash cannot be written: without a number on flash the next
    start would use this one again.
    """
    number = _read(path)
    if number is None:
        # The file is there and says nothing. Seconds since 2020 are far above any count of starts; without a clock only chance
        # finds a number that no other start has had.
        number = 1 << 29 | int.from_bytes(os.urandom(3), "little") if unix_ms is None else unix_ms // 1000 - 1577836800
    number += 1
    wholefile.write(path, b"%d\n" % number)
    return number


def _read(path):
    """The number in the file: 0 when there is no file, None when it holds none."""
    best = 0
    for name in (path, path + ".new"):
        try:
            with open(name) as file:
                text = file.read(32).strip()
        except (OSError, UnicodeError):
            continue
        if text.isdigit():
            best = max(best, int(text))
        elif name == path:
            best = None
            break
    return best
