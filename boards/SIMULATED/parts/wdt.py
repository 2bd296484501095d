"""`machine.WDT`. It bites although the firmware hangs in a loop or a wait: on MicroPython from a thread of its own, on
CPython by the kernel's timer."""

import time

import simulation


class WDT:
    _limit = None

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError("WDT(%s) doesn't exist" % id)
        if timeout < 1 or (timeout > 8388 and not simulation.is_esp32()):
            raise ValueError("timeout exceeds 8388")
        running = WDT._limit is not None
        WDT._limit = timeout
        self.feed()
        if not running and hasattr(time, "ticks_ms"):
            import _thread

            _thread.start_new_thread(_guard, ())

    def feed(self):
        if hasattr(time, "ticks_ms"):
            WDT._fed = time.ticks_ms()
        else:
            import signal

            signal.setitimer(signal.ITIMER_REAL, WDT._limit / 1000)

    @classmethod
    def disable(cls):
        """What the enable bit of its register does, cleared."""
        cls._limit = None
        if not hasattr(time, "ticks_ms"):
            import signal

            signal.setitimer(signal.ITIMER_REAL, 0)


def _guard():
    while True:
        limit = WDT._limit
        if limit is None:
            return
        left = limit - time.ticks_diff(time.ticks_ms(), WDT._fed)
        if left < 0:
            simulation.die("ALRM")
        # In one wait: the unix port's sleep_ms() looks up two thousand times a second.
        time.sleep((left + 1) / 1000)
