from signals import fine, micro, signal


class Signal:
    """``of`` are the signals that it adds up."""

    def __init__(self, of):
        self._parts = [signal(part, "of") for part in of]
        self._micro = [micro(part) for part in self._parts]

    def at(self, ms):
        return sum([part.at(ms) for part in self._parts])

    def at_us(self, us):
        return sum([fine(part)(us) for part in self._parts])

    def micro(self, us):
        value = 0
        for part in self._micro:
            value += part(us)
        return value
