"""Single pins. Each level that is given to one goes to the file `levels`, a line each."""

from pathlib import Path

_taken = set()


class Direction:
    INPUT: "Direction"
    OUTPUT: "Direction"


Direction.INPUT = Direction()
Direction.OUTPUT = Direction()


class DigitalInOut:
    def __init__(self, pin):
        if pin in _taken:
            raise ValueError("pin in use")
        _taken.add(pin)
        self._level = False
        self.direction = Direction.INPUT

    @property
    def value(self):
        return self._level

    @value.setter
    def value(self, level):
        if self.direction is not Direction.OUTPUT:
            raise AttributeError("Cannot set value when direction is input.")
        self._level = bool(level)
        with Path("levels").open("a") as file:
            file.write(f"{int(self._level)}\n")
