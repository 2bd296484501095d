"""The watchdog of an RP2040: it bites by SIGALRM, and knows no more than 8.388 s."""

import signal


class WatchDogTimeout(Exception):
    pass


class WatchDogMode:
    RAISE = "RAISE"
    RESET = "RESET"


class WatchDogTimer:
    def __init__(self):
        self._timeout = None
        self._mode = None

    def feed(self):
        if self._mode is not None:
            signal.setitimer(signal.ITIMER_REAL, self._timeout)

    @property
    def timeout(self):
        return self._timeout

    @timeout.setter
    def timeout(self, seconds):
        if not 0 < seconds <= 8.388:
            raise ValueError("timeout must be 0-8.388")
        self._timeout = seconds
        self.feed()

    @property
    def mode(self):
        return self._mode

    @mode.setter
    def mode(self, mode):
        if self._timeout is None:
            raise ValueError("WatchDogTimer.timeout must be greater than 0")
        self._mode = mode
        signal.setitimer(signal.ITIMER_REAL, self._timeout if mode else 0)
