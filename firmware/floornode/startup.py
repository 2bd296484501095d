"""A board's life, from its start to what happens when it breaks.

What is needed once is imported when it is, and forgotten: a module that is broken is a crash like any other, and on a small
heap the start's modules would hold 20 KB for good.
"""

import gc

from . import forget
from .ticks import ticks_add, ticks_diff

# After more crashes than safe mode allows: time for a person with a cable.
_PAUSE_S = 60


def run(port):
    """Start the station that the settings describe, and run it until stopped. A crash is recorded, and the board reset."""
    life = Life(port)
    try:
        life.begin()
        life.station.run()
    except Exception as error:
        try:
            life.record(error)
        finally:
            port.reset()


class Life:
    """One start of a board: its number, and the station once it is wired."""

    def __init__(self, port):
        self.station = None
        self._port = port
        self._number = 0

    def begin(self):
        """Count this start and wire its station. SystemExit where there are no settings to do it by."""
        self._number = self._port.boot_number()
        from .start import start

        self.station = start(self._port, self._number)
        # Its function, too, holds its module.
        del start
        forget(
            "boot",
            "wholefile",
            "start",
            "crash",
            "proving",
            "contract.topics",
        )
        gc.collect()

    def record(self, error):
        """Put the crash on flash, and its trace on the cable."""
        part, state, uptime = "start", "", 0
        station = self.station
        if station is not None:
            station.watchdog.stop()
            part, state = station.part, station.session.state
            uptime = station.clock.uptime(self._port.ticks())
        # What ran is not needed any more, and the error may be that there was no memory.
        self.station = station = None
        gc.collect()
        trace = self._port.trace(error)
        print(trace)
        try:
            from . import crash

            count = crash.add(self._number, "%s: %s" % (type(error).__name__, error), trace, part, state, uptime)
        except OSError as broken:
            # A flash that cannot be written: nobody counts the crashes, so each may be one too many.
            print("crash: not recorded: error %s" % broken.args[0])
            count = crash.ROW + 1
        if count > crash.ROW:
            print("crash: the next start is in %d s" % _PAUSE_S)
            end = ticks_add(self._port.ticks(), _PAUSE_S * 1000)
            # A socket with something unread ends each wait at once.
            while ticks_diff(end, self._port.ticks()) > 0:
                self._port.wait(1000)
