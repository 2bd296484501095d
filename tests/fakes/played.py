"""A recording played through the IIS3DWB's registers into its driver, under either Python: what a board would report of it.

usage: played.py FILE RATE_HZ UNIT_G RPM, FILE holding little-endian 16-bit samples. Prints one JSON object: the velocity
(mm/s), the features in whole steps, and the name of the file with the samples as they came out of the FIFO, as in FILE.
"""

import json
import sys

from chips.iis3dwb import Iis3dwb as Chip
from floornode.sensors.iis3dwb import Iis3dwb

# SKF 6205: 9 balls of 0.3126 inch on a circle of 1.537.
GEOMETRY = {"balls": 9, "ball_um": 7940, "pitch_um": 39040}


class Board:
    def __init__(self, signal):
        self.us = 20000
        self._chip = Chip({"signals": {"x": 0, "y": 0, "z": signal}, "noise": 0}, self.now_us)

    def now_us(self):
        return self.us

    def exchange(self, out, into):
        self.us += 20 + len(out) * 8 // 10
        self._chip.write(bytes([out[0] & 0x7F]) + (b"" if out[0] & 0x80 else bytes(out[1:])))
        if out[0] & 0x80:
            self._chip.read(memoryview(into)[1:])


def main(file, rate, unit, rpm):
    board = Board({"kind": "samples", "file": file, "rate_hz": float(rate), "unit": float(unit), "mean": 1})
    driver = Iis3dwb(board, None, rpm=int(rpm), ticks_us=board.now_us, **GEOMETRY)
    taken = bytearray()
    broadband = driver._found
    plain_clear, plain_take = broadband.clear, broadband.take

    def clear():
        plain_clear()
        taken[:] = b""

    def take(samples, count):
        taken.extend(bytes(samples)[: 2 * count])
        plain_take(samples, count)

    broadband.clear, broadband.take = clear, take
    driver.begin(board.us // 1000)
    while True:
        wait = driver.step(board.us // 1000)
        if wait is None:
            break
        board.us += wait * 1000
    velocity = driver.read()[0]
    with open("taken.i16", "wb") as target:
        target.write(taken)
    print(json.dumps({"velocity": velocity, "features": driver.features, "flags": driver.flags, "samples": "taken.i16"}))


main(*sys.argv[1:])
