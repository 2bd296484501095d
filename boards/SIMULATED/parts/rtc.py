"""`machine.RTC`: runs from the host's clock, or with "rtc": "unset" in the script from the port's first day.

Under MicroPython the board's `time` goes by it, as on a board.
"""

import simulation

try:
    import time as board_time

    import utime as host
except ImportError:  # CPython
    import time as host

    board_time = None


class RTC:
    _ahead = None  # seconds before the host's clock, of which only the rate is used then

    def __init__(self, id=0):
        if RTC._ahead is None:
            RTC._ahead = 0
            if simulation.script.get("rtc") == "unset":
                self.datetime((2000 if simulation.is_esp32() else 2021, 1, 1, 0, 0, 0, 0, 0))

    def datetime(self, now=None):
        """(year, month, day, weekday with Monday 0, hour, minute, second, subsecond), UTC."""
        seconds = int(host.time())
        if now is None:
            year, month, day, hour, minute, second, weekday = host.gmtime(seconds + RTC._ahead)[:7]
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second = now[:7]
        RTC._ahead = _seconds(year, month, day, hour, minute, second) - _seconds(*host.gmtime(seconds)[:6])
        if board_time is not None:
            board_time.set_ahead(RTC._ahead)


def _seconds(year, month, day, hour, minute, second):
    """Seconds since 2000-01-01, by counting days: `time.mktime` minds the time zone on one Python and not the other."""
    years = year - 2000
    days = 365 * years + (years + 3) // 4 + sum((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)[: month - 1]) + day - 1
    if month > 2 and years % 4 == 0:
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second
