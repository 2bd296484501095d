"""The watchdog is fed when every part of the board has got through a step since it was last fed, and only then.

A part that hangs stops the loop, and one that is left out stops the feeding: either way the machine starts anew within
``LIMIT_MS``. The longest sleep of the loop is far below.
"""

# An RP2040 counts no further than 8,388 ms (datasheet, section 4.7.2, and erratum RP2040-E1).
LIMIT_MS = 8000


class Watchdog:
    def __init__(self, parts):
        """``parts``: how many there are, numbered from 0."""
        self._all = (1 << parts) - 1
        self._alive = 0
        self._machine = None

    def start(self, machine):
        """Feed ``machine``, a port's running watchdog, from now on."""
        self._machine = machine

    def stop(self):
        """Somebody wants the board for himself: let it live unfed, as far as the machine can."""
        if self._machine is not None:
            self._machine.stop()
            self._machine = None

    def report(self, part):
        """``part`` has got through a step."""
        self._alive |= 1 << part
        if self._alive == self._all:
            self._alive = 0
            if self._machine is not None:
                self._machine.feed()
