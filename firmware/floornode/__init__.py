"""floornode: what runs on a sensor board (MicroPython first; imports on CircuitPython and CPython)."""

import sys

VERSION = "0.1.0"


def forget(*names):
    """Let the package's modules of these names go: the next collection frees what nothing else refers to."""
    for name in names:
        name = __name__ + "." + name
        sys.modules.pop(name, None)
        package, _, module = name.rpartition(".")
        if hasattr(sys.modules[package], module):
            delattr(sys.modules[package], module)
