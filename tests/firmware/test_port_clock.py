"""The machine's own clock, set and read by the port, with the limits that 32-bit boards have."""

import floornode.ports.micropython as ports
from almanac import gmtime

MICROPYTHON_ONLY = "MicroPython's port asks MicroPython's time"


class Board:
    """The `time` and the `machine` of a 32-bit board whose epoch is ``year``."""

    def __init__(self, year):
        self.epoch = 0 if year == 1970 else 946684800
        self.set = None
        self.ns = 0

    def gmtime(self, seconds=None):
        if seconds is None:
            seconds = self.ns // 1000000000
        elif not -(1 << 31) <= seconds < 1 << 31:
            raise OverflowError("overflow converting long int to machine word")
        return gmtime(seconds + self.epoch)

    def time_ns(self):
        return self.ns

    def ticks_us(self):
        return 0

    def RTC(self):
        return self

    def datetime(self, fields):
        self.set = fields


def seen_by(board, act, *arguments):
    before = ports.machine, ports.time
    ports.machine = ports.time = board
    try:
        return act(ports.Port(), *arguments)
    finally:
        ports.machine, ports.time = before


def test_T37_the_clock_is_set_before_and_after_2038_and_2068_whatever_the_epoch():
    for year in (1970, 2000):
        for unix_ms, fields in (
            (1706900000125, (2024, 2, 2, 4, 18, 53, 20, 125000)),
            (2147483647999, (2038, 1, 19, 1, 3, 14, 7, 999000)),
            (2147483648000, (2038, 1, 19, 1, 3, 14, 8, 0)),
            (3094168447000, (2068, 1, 19, 3, 3, 14, 7, 0)),
            (3094168448001, (2068, 1, 19, 3, 3, 14, 8, 1000)),
            (3981052799000, (2096, 2, 25, 5, 23, 59, 59, 0)),
        ):
            board = Board(year)
            seen_by(board, ports.Port.set_unix_ms, unix_ms)
            assert board.set == fields, (year, unix_ms, board.set)


def test_T37_the_time_is_read_from_either_epoch():
    for year in (1970, 2000):
        for unix_ms in (1706900000125, 2147483648001, 4102444799999):
            board = Board(year)
            board.ns = (unix_ms - board.epoch * 1000) * 1000000
            assert seen_by(board, ports.Port.unix_ms) == unix_ms


def test_T37_a_clock_that_nobody_set_tells_no_time():
    for year, first in ((1970, 1609459200), (2000, 946684800)):
        board = Board(year)
        board.ns = (first - board.epoch) * 1000000000
        assert seen_by(board, ports.Port.unix_ms) is None
