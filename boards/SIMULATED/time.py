"""The `time` module of a simulated board: the host's, less or more what the board's own clock differs from it.

An ESP32 counts from 2000, as MicroPython's port does, an RP2 from 1970. `machine.RTC` sets the clock, or "rtc": "unset" in
the script. CPython never comes here, for its own `time` is built in.
"""

import utime
from utime import *  # noqa: F403

_ahead = [None]  # seconds, the board's clock minus the host's


def time():
    return int(utime.time()) + _shift() - _epoch()


def time_ns():
    return utime.time_ns() + (_shift() - _epoch()) * 1000000000


def gmtime(seconds=None):
    return utime.gmtime(int(utime.time()) + _shift() if seconds is None else seconds + _epoch())


localtime = gmtime


def mktime(fields):
    return utime.mktime(fields) - _epoch()


def set_ahead(seconds):
    _ahead[0] = seconds


def _shift():
    if _ahead[0] is None:
        _ahead[0] = 0
        import machine
        import simulation

        if simulation.script.get("rtc") == "unset":
            machine.RTC()
    return _ahead[0]


def _epoch():
    # First, for it may say what simulation is.
    import machine  # noqa: F401
    import simulation

    return 946684800 if simulation.is_esp32() else 0
