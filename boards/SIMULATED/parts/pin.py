"""`machine.Pin`: levels that are kept, that chips are told of, and that chips give."""

_levels = {}  # of the board's pins: they outlive the objects
_driven = {}  # by pin: what gives the level of one that a chip drives
_told = {}  # by pin: what is told of each level that the board gives it


def drive(id, level):
    """The pin's level is what ``level()`` says: a chip's output is wired to it."""
    _driven[id] = level


def tell(id, heard):
    """``heard(level)`` is called with each level that the board gives the pin: a chip's input is wired to it."""
    _told[id] = heard


def level(id):
    """The level of a pin; one that nobody has set floats, and counts as high."""
    return _driven[id]() if id in _driven else _levels.get(id, 1)


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
            return _driven[self._id]() if self._id in _driven else _levels[self._id]
        _levels[self._id] = 1 if level else 0
        if self._id in _told:
            _told[self._id](_levels[self._id])

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def __repr__(self):
        return "Pin(%s)" % self._id
