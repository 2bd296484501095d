import math
from array import array

from signals import number

# A period of the sine in so many steps, straight between them: off by 2 parts in 100,000 of the amplitude at the most.
_STEPS = 512
_ONE = 1 << 30
_TURN = 1000000000
_sine = array("i", [int(_ONE * math.sin(2 * math.pi * at / _STEPS)) for at in range(_STEPS + 1)])


class Signal:
    """``tones`` are ``[hertz, amplitude]``, added up around ``mean``: a machine as a vibration sensor feels it."""

    def __init__(self, tones, mean=0):
        # In thousandths of a hertz, so that the phase is a whole number and stays exact for years; and millionths.
        self._tones = [(int(number(hertz) * 1000 + 0.5), math.floor(number(peak) * 1000000 + 0.5)) for hertz, peak in tones]
        self._mean = math.floor(number(mean) * 1000000 + 0.5)

    def at(self, ms):
        return self.micro(ms * 1000) / 1000000

    def at_us(self, us):
        return self.micro(us) / 1000000

    def micro(self, us):
        value = self._mean
        for rate, amplitude in self._tones:
            position = us * rate % _TURN * _STEPS
            at = position // _TURN
            here = _sine[at]
            value += amplitude * (here + (_sine[at + 1] - here) * (position % _TURN) // _TURN) // _ONE
        return value
