"""`machine`, `network` and `_onewire` of a board whose hardware is in another process (`hardware.py`), outside of its heap.

What is called here is called there, on the very modules of the folder above; what stays here is what time is kept by, and the
watchdog, which must bite although nobody answers. For those parts this is `simulation`, too. All of it is one module, with few
names of its own: each counts in the heap that is to be the board's.

A request is a line of JSON, ``[number, path, args, named]``, and behind it the bytes of each buffer among the arguments, whose
place has ``[length]``; ``args`` is null where an attribute is read. A reply is the number, a letter, the length of what follows
in two bytes, the lower first, and that:

- ``v``: a value, in JSON; ``b``: bytes; ``o``: something that is called by this path from now on;
- ``w``: None, and what the buffers hold now, one behind the other;
- ``e``: an exception's name and arguments, in JSON; ``k``: the signal that ends this board; ``x``: a line for whoever wrote the
  script.
"""

import builtins
import errno
import json
import os
import socket
import sys
import time
from _thread import start_new_thread

from micropython import const

# Seconds: less than any watchdog's patience, or that would be blamed.
_PATIENCE = const(5)
_CHUNK = const(64)

_number = 0


class WDT:
    """As `parts/wdt.py` has it, which is for CPython too."""

    _limit = None

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError("WDT(%s) doesn't exist" % id)
        if timeout < 1 or (timeout > 8388 and not is_esp32()):
            raise ValueError("timeout exceeds 8388")
        running = WDT._limit is not None
        WDT._limit = timeout
        self.feed()
        if not running:
            start_new_thread(_bite, ())

    def feed(self):
        WDT._since = time.ticks_ms()


def _bite():
    while True:
        left = WDT._limit - time.ticks_diff(time.ticks_ms(), WDT._since)
        if left < 0:
            die("ALRM")
        # In one wait: the unix port's sleep_ms() looks up two thousand times a second.
        time.sleep((left + 1) / 1000)


class Thing:
    """Something of the other process, by its path there."""

    def __init__(self, path):
        self._path = path

    def __getattr__(self, name):
        return _of(self._path, name)

    def __call__(self, *args, **named):
        return _ask(self._path, args, named)


def _of(path, name):
    path += "." + name
    # What has capitals is a constant or lacks in this port; all else turns out when it is called.
    return _ask(path) if name.isupper() else Thing(path)


def __getattr__(name):
    if name == "RTC":
        from parts.rtc import RTC

        return RTC
    return _of("machine", name)


def _ask(path, args=None, named=None):
    global _number
    _number = number = (_number + 1) & 0xFF
    parts = []
    if args is not None:
        args = [_written(one, parts) for one in args]
        named = {key: _written(named[key], parts) for key in named}
    try:
        _wire.write(json.dumps([number, path, args, named]) + "\n")
        for one in parts:
            _wire.write(one)
        data = b""
        while True:
            end = 4 + (data[2] | data[3] << 8) if len(data) > 3 else 4
            if len(data) > 3 and len(data) >= end:
                # Another's answer is of a question that a Ctrl-C broke off.
                if data[0] == number:
                    break
                data = data[end:]
                continue
            more = _wire.recv(_CHUNK)
            if not more:
                stop("has ended")
            data += more
    except OSError as error:
        stop("does not answer" if error.args[0] == errno.ETIMEDOUT else "has ended")
    return _read(data[1:2], data[4:end], parts)


def _written(one, parts):
    if isinstance(one, Thing):
        return {"path": one._path}
    if isinstance(one, (bytes, bytearray, memoryview)):
        parts.append(one)
        return [len(one)]
    return one


def _read(kind, data, parts):
    if kind == b"b":
        return data
    if kind == b"w":
        for one in parts:
            if one != data[: len(one)]:
                one[:] = data[: len(one)]
            data = data[len(one) :]
        return None
    if kind == b"o":
        return Thing(data.decode())
    if kind == b"k":
        die(data.decode())
    if kind == b"x":
        print(data.decode())
        sys.exit(2)
    found = json.loads(data)
    if kind == b"e":
        raise getattr(builtins, found[0])(*found[1])
    return tuple(found) if isinstance(found, list) else found


def stop(fault):
    """Ends the board with one line: no firmware may take it for weather."""
    print("the process that has this board's hardware " + fault)
    sys.exit(2)


def die(signal):
    """Ends this process at once, by a signal; it does not know its number, and the shell does."""
    os.system("kill -%s $PPID" % signal)


def is_esp32():
    return "ESP32" in script.get("machine", "")


def uptime_us():
    return _ask("simulation.uptime_us", (), {})


_wire = socket.socket(socket.AF_UNIX)
try:
    # struct sockaddr_un: the family has two bytes on Linux, and one behind a length on macOS.
    _wire.connect((b"\0\1" if sys.platform == "darwin" else b"\1\0") + os.getenv("FLOORSENSE_HARDWARE").encode() + b"\0")
except OSError:
    stop("is not there")
_wire.settimeout(_PATIENCE)
# Of the script what is needed here.
script = _ask(os.getcwd(), (), {})
sys.modules["simulation"] = sys.modules["machine"]
sys.modules["network"] = Thing("network")
sys.modules["_onewire"] = Thing("_onewire")
if "flash_full" in script:
    import flash  # noqa: F401  it takes open()'s place
