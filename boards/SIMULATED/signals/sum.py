from signals import fine, signal


class Signal:
    """``of`` are the signals that it adds up."""

    def __init__(self, of):
        self._parts = [signal(part, "of") for part in of]

    def at(self, ms):
        return sum([part.at(ms) for part in self._parts])

    def at_us(self, us):
        return sum([fine(part)(us) for part in self._parts])
