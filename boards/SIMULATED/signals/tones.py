import math

from signals import number


class Signal:
    """``tones`` are ``[hertz, amplitude]``, added up around ``mean``: a machine as a vibration sensor feels it."""

    def __init__(self, tones, mean=0):
        # In thousandths of a hertz, so that the phase is a whole number and stays exact for years.
        self._tones = [(int(number(hertz) * 1000 + 0.5), number(amplitude)) for hertz, amplitude in tones]
        self._mean = number(mean)

    def at(self, ms):
        return self.at_us(ms * 1000)

    def at_us(self, us):
        value = self._mean
        for rate, amplitude in self._tones:
            value += amplitude * math.sin((us * rate) % 1000000000 * 6.283185307179586e-9)
        return value
