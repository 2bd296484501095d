from signals import milliseconds, number


class Signal:
    """``steps`` are ``[seconds, value]`` in order of time; each holds until the next, the first also before its time.
    With ``period_s`` it begins anew after that."""

    def __init__(self, steps, period_s=None):
        self._steps = [(int(number(at_s) * 1000), number(value)) for at_s, value in steps]
        if not self._steps:
            raise ValueError("steps: wants at least one [seconds, value]")
        self._period = None if period_s is None else milliseconds(period_s)

    def at(self, ms):
        if self._period:
            ms %= self._period
        held = self._steps[0][1]
        for begin, value in self._steps:
            if begin > ms:
                break
            held = value
        return held
