"""How long to wait before the next attempt: a floor, plus a uniform part of a window that doubles up to a cap.

The uniform part spreads a fleet ("full jitter"); the first window must therefore fit the fleet: of 1,000 boards that lose
their broker for 2 s, a first window of 1 s brings 43 % back within one second, one of 45 s less than 5 %.
"""


class Backoff:
    def __init__(self, first_ms, cap_ms, uniform):
        """``uniform(n)`` returns a random whole number from 0 to n inclusive."""
        self._first = first_ms
        self._cap = cap_ms if cap_ms > first_ms else first_ms
        self._uniform = uniform
        self.window = first_ms

    def delay(self, floor_ms=0):
        """Milliseconds to wait now. The window has doubled for the next time."""
        wait = floor_ms + self._uniform(self.window)
        self.window = min(self._cap, self.window * 2)
        return wait

    def reset(self):
        """A session has lasted: the next trouble is a new one."""
        self.window = self._first
