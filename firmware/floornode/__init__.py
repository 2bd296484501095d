"""floornode: what runs on a sensor board (MicroPython first; imports on CircuitPython and CPython)."""

VERSION = "0.1.0"
