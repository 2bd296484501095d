"""The inner loops, in viper: 32-bit arithmetic without a single allocation. ``load`` gives a module of them.

Two things differ between the machines these run on, and both are met here (measured on MicroPython 1.29):

- ``ptr16`` and ``ptr32`` load without a sign, and on a 64-bit machine the upper half stays empty. ``(x ^ s) - s`` with
  ``s = 1 << 15`` or ``1 << 31`` gives the sign back everywhere. Buffers are ``array('H')`` and ``array('I')``, whose elements
  are without a sign in plain bytecode and CPython too, so that the very same text is right there.
- A literal of 2**31 or more compiles on 64-bit machines only: the mask of 32 bits is passed in, as ``MASK``.

No intermediate result exceeds 31 bits and a sign, other than sums that may wrap: on a board it would be cut off silently,
where a 64-bit machine would be right.
"""

import sys

try:
    import micropython
except ImportError:  # CircuitPython has no such module, nor has CPython

    class micropython:
        viper = staticmethod(lambda function: function)


try:
    ptr8 = ptr8
    ptr16 = ptr16
    ptr32 = ptr32
except NameError:  # viper's own words, which everything else takes for names in annotations
    ptr8 = ptr16 = ptr32 = None

MASK = 0xFFFFFFFF


def load(name):
    """The module ``name`` of this package, imported now: a board pays for the loops it uses. In viper, or, on a runtime without
    an emitter for its processor (CircuitPython, MicroPython on 64-bit Arm), the same text as bytecode."""
    path = __name__ + "." + name
    try:
        __import__(path)
    except SyntaxError:
        return plain(name)
    return sys.modules[path]


def plain(name):
    """The same as bytecode, from the same text: some thirty times slower, and the same to the bit."""
    path = __name__ + "." + name
    if path not in _plain:
        with open(__file__[: __file__.rfind("/") + 1] + name + ".py") as file:
            text = file.read()
        names = {"__name__": path}
        exec(text.replace("@micropython.viper\n", ""), names)

        class Loops:
            pass

        for one in names:
            # What is called on an instance would be given the instance first.
            if callable(names[one]) and one != "micropython":
                setattr(Loops, one, staticmethod(names[one]))
        _plain[path] = Loops
    return _plain[path]


_plain = {}
