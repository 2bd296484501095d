"""Ticks, of the period that CircuitPython documents: 2**29 ms, beginning 65 s before they wrap."""

import time

_PERIOD = 1 << 29
_BEGAN = time.monotonic_ns() // 1000000
# Documented: the first wrap comes 65 s after the start, so that code which minds none fails at once.
_AT = _PERIOD - 65536


class Runtime:
    def __init__(self):
        self.autoreload = True
        self.usb_connected = False


runtime = Runtime()


def ticks_ms():
    return (_AT + time.monotonic_ns() // 1000000 - _BEGAN) % _PERIOD
