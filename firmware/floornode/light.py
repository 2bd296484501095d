"""The board's own light: how often it flashes says how the board is doing.

Each round takes some 3 s. On for good: it is starting, or never got to its loop. Dark: nothing runs.
"""

from .mqtt.session import SERVE
from .ticks import ticks_add, ticks_diff

# Flashes of a round.
SERVING = 1  # the broker takes what it measures
SENSOR_LOST = 2  # the same, and a sensor does not answer
NO_NETWORK = 3
NO_BROKER = 4
SAFE_MODE = 5

# In ms; people count flashes up to five when they are no faster.
_ON = 120
_OFF = 280
_ROUND = 3000
# While a window is captured the light stays as it is: on a Pico W its pin is the radio's, and takes a transfer over SPI.
_LOOK_AGAIN = 1000


class Light:
    """``step(now)`` each turn, as early as ``next(now)`` says."""

    def __init__(self, switch, station, now):
        """``switch(on)``: what the port gave for the settings' ``led``."""
        self._switch = switch
        self._station = station
        self._due_at = now
        self._left = 0
        self._round_ends = now
        switch(1)

    def step(self, now):
        if ticks_diff(now, self._due_at) < 0:
            return
        if self._station.sampler.is_capturing:
            self._due_at = ticks_add(now, _LOOK_AGAIN)
            return
        if not self._left:
            self._left = 2 * self._flashes()
            self._round_ends = ticks_add(now, _ROUND)
        self._left -= 1
        is_on = self._left & 1
        self._switch(is_on)
        if self._left:
            self._due_at = ticks_add(now, _ON if is_on else _OFF)
        else:
            self._due_at = self._round_ends if ticks_diff(self._round_ends, now) > _OFF else ticks_add(now, _OFF)

    def next(self, now):
        """Milliseconds until there is something to do."""
        return max(0, ticks_diff(self._due_at, now))

    def stop(self):
        """Dark: nothing runs any more."""
        self._switch(0)

    def _flashes(self):
        station = self._station
        if station.is_safe:
            return SAFE_MODE
        if station.session.state == SERVE:
            return SENSOR_LOST if [one for one in station.sampler.probes if one.driver is None] else SERVING
        return NO_BROKER if station.link.is_up() else NO_NETWORK
