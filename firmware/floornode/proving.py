"""What a start has to prove, and what follows when it has.

- Connected once: its settings are good, and are kept as the last good ones.
- Up for ten minutes: the crashes before it are no row any more.
- An hour in safe mode: enough; the board tries to live again.
"""

from .wholefile import copy

SETTLED_S = 600
SAFE_S = 3600


class Proving:
    def __init__(self, station, settings, good, row):
        """``settings``: the file whose copy ``good`` shall be, None where it shall not; ``row``: crashes before this start."""
        self._station = station
        self._settings = settings
        self._good = good
        self._row = row

    def step(self, now):
        """Look for proof. True while there is something left to prove."""
        station = self._station
        if self._settings is not None and station.session.connects:
            self._keep()
        uptime = station.clock.uptime(now)
        if station.is_safe:
            if uptime >= SAFE_S:
                station.log("safe mode: an hour is over, starting anew")
                station.port.reset()
        elif self._row and uptime >= SETTLED_S:
            self._row = 0
            from . import crash

            crash.settle()
        return self._settings is not None or self._row or station.is_safe

    def _keep(self):
        """Make the settings the last good ones, unless they are."""
        try:
            if copy(self._settings, self._good):
                self._station.log("settings: kept as the last good ones")
        except OSError as error:
            self._station.log("settings: not kept as the last good ones: error %s" % error.args[0])
        self._settings = None
