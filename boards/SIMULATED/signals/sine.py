import math

from signals import milliseconds, number


class Signal:
    """``phase`` is the part of a period, 0..1, that has passed at the start."""

    def __init__(self, mean, amplitude, period_s, phase=0):
        self._mean = number(mean)
        self._amplitude = number(amplitude)
        self._period = milliseconds(period_s)
        self._phase = number(phase)

    def at(self, ms):
        turns = (ms % self._period) / self._period + self._phase
        return self._mean + self._amplitude * math.sin(2 * math.pi * turns)
