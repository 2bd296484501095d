from signals import milliseconds, number


class Signal:
    """``start`` until ``at_s``, then evenly to ``end`` within ``for_s``, and ``end`` from there on."""

    def __init__(self, start, end, for_s, at_s=0):
        self._start = number(start)
        self._rise = number(end) - self._start
        self._span = milliseconds(for_s)
        self._begin = int(number(at_s) * 1000)

    def at(self, ms):
        passed = min(max(ms - self._begin, 0), self._span)
        return self._start + self._rise * (passed / self._span)
