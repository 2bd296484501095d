from signals import number


class Signal:
    """Near enough to normal, around zero, ``rms`` strong. A hash of ``seed`` and the time: asked twice for one moment
    it says the same."""

    def __init__(self, rms, seed=1):
        # Four even bytes: a standard deviation of sqrt(4 * (256**2 - 1) / 12) around 510.
        self._gain = number(rms) / 147.8
        self._seed = int(seed) * 0x9E3779B1

    def at(self, ms):
        mixed = (ms * 0x85EBCA6B + self._seed) & 0xFFFFFFFF
        mixed = ((mixed ^ mixed >> 15) * 0x2C1B3C6D) & 0xFFFFFFFF
        mixed = ((mixed ^ mixed >> 12) * 0x297A2D39) & 0xFFFFFFFF
        mixed ^= mixed >> 15
        return self._gain * ((mixed & 255) + (mixed >> 8 & 255) + (mixed >> 16 & 255) + (mixed >> 24) - 510)
