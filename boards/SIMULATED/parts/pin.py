"""`machine.Pin`: levels that are kept."""

_levels = {}  # of the board's pins: they outlive the objects


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = id
        if value is not None:
            self.value(value)
        elif id not in _levels:
            _levels[id] = 1 if pull == Pin.PULL_UP else 0

    def value(self, level=None):
        if level is None:
            return _levels[self._id]
        _levels[self._id] = 1 if level else 0

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def __repr__(self):
        return "Pin(%s)" % self._id
