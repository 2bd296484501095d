"""CircuitPython has this module too: what changes only how code is compiled."""


def const(expr):
    return expr
