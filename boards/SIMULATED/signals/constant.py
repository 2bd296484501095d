import math

from signals import number


class Signal:
    """``value``, for ever."""

    def __init__(self, value):
        self._value = number(value)
        self._micro = math.floor(self._value * 1000000 + 0.5)

    def at(self, ms):
        return self._value

    def at_us(self, us):
        return self._value

    def micro(self, us):
        return self._micro
