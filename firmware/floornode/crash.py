"""The last crash: what it was and how many there were in a row, kept on flash through the reset.

Nothing is written while all goes well: a crash writes once, and a start that proves good after crashes once more. A crash
is in a row with the one before when it ended the very next boot.
"""

import json

from .wholefile import read, write

PATH = "crash.json"
# The whole record has less than 1 KB, a flash page or four.
_MAX_BYTES = 2048
_MAX_ERROR = 120
_MAX_WHERE = 100
# So many in a row, and the next start is in safe mode.
ROW = 10


def last():
    """The record of the last crash as a dict of contract.status' CRASH fields, or None."""
    data = read(PATH, _MAX_BYTES)
    if data is None:
        return None
    try:
        found = json.loads(data)
        return {
            "boot": int(found["boot"]),
            "count": int(found["count"]),
            "part": str(found["part"]),
            "state": str(found["state"]),
            "uptime": int(found["uptime"]),
            "error": str(found["error"]),
            "where": str(found["where"]),
        }
    except (ValueError, KeyError, TypeError):
        # Half a record is none.
        return None


def row(boot):
    """How many crashes in a row the boot number ``boot`` follows."""
    record = last()
    return record["count"] if record is not None and record["boot"] == boot - 1 else 0


def add(boot, error, trace, part, state, uptime):
    """Record that ``boot`` crashed with ``error`` (text). Returns how many that makes in a row, this one included.

    ``trace``: the error's, of which the innermost place is kept; ``part``: which part of the firmware ran; ``state``: the
    session's; ``uptime``: seconds. Raises OSError when the flash cannot be written.
    """
    count = row(boot) + 1
    record = {
        "boot": boot,
        "count": count,
        "part": part,
        "state": state,
        "uptime": uptime,
        "error": error[:_MAX_ERROR],
        "where": _place(trace)[-_MAX_WHERE:],
    }
    write(PATH, json.dumps(record).encode())
    return count


def settle():
    """The start that followed has proven good: what crashes next is the first of its row."""
    record = last()
    if record is not None and record["count"]:
        record["count"] = 0
        write(PATH, json.dumps(record).encode())


def _place(trace):
    """The innermost line of a trace that names a file: ``sampler.py", line 120, in take``, without its ornaments."""
    place = ""
    for line in trace.split("\n"):
        line = line.strip()
        if line.startswith("File "):
            place = line[5:].replace('"', "")
    return place
