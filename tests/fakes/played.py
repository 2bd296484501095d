"""A recording played through an accelerometer's registers into its driver, under either Python: what a board would say of it.

usage: played.py SENSOR FILE RATE_HZ UNIT_G RPM, SENSOR being iis3dwb or adxl345, FILE holding little-endian 16-bit samples.
Prints one JSON object: the velocity (mm/s), the features in whole steps, and the name of the file with the samples as they came
out of the FIFO, as in FILE.
"""

import json
import sys

import chips
from floornode.sensors import load

# SKF 6205: 9 balls of 0.3126 inch on a circle of 1.537.
GEOMETRY = {"balls": 9, "ball_um": 7940, "pitch_um": 39040}


class Board:
    """The chip on SPI, with time of its own: each transaction takes its bytes at 10 MHz, and 20 us. ``address``: the bits of
    the first byte that say which register."""

    def __init__(self, sensor, signal, address):
        self.us = 20000
        self._chip = chips.load(sensor)({"signals": {"x": 0, "y": 0, "z": signal}, "noise": 0}, self.now_us)
        self._address = address

    def now_us(self):
        return self.us

    def exchange(self, out, into):
        self.us += 20 + len(out) * 8 // 10
        self._chip.write(bytes([out[0] & self._address]) + (b"" if out[0] & 0x80 else bytes(out[1:])))
        if out[0] & 0x80:
            self._chip.read(memoryview(into)[1:])


def main(sensor, file, rate, unit, rpm):
    is_broad = sensor == "iis3dwb"
    signal = {"kind": "samples", "file": file, "rate_hz": float(rate), "unit": float(unit), "mean": 1}
    board = Board(sensor, signal, 0x7F if is_broad else 0x3F)
    options = dict(GEOMETRY, rpm=int(rpm)) if is_broad else {}
    driver = load(sensor)(board, None, ticks_us=board.now_us, **options)
    taken = bytearray()
    if is_broad:
        listen(driver._found, taken)
    driver.begin(board.us // 1000)
    while True:
        wait = driver.step(board.us // 1000)
        if wait is None:
            break
        board.us += wait * 1000
    velocity = driver.read()[0]
    if not is_broad:
        samples, count, _unit, _rate = driver.window()
        taken.extend(bytes(memoryview(samples)[:count]))
    with open("taken.i16", "wb") as target:
        target.write(taken)
    print(json.dumps({"velocity": velocity, "features": driver.features, "flags": driver.flags, "samples": "taken.i16"}))


def listen(broadband, taken):
    """Have what ``broadband`` takes in be heard: nobody holds all of it."""
    plain_clear, plain_take = broadband.clear, broadband.take

    def clear():
        plain_clear()
        taken[:] = b""

    def take(samples, count):
        taken.extend(bytes(samples)[: 2 * count])
        plain_take(samples, count)

    broadband.clear, broadband.take = clear, take


main(*sys.argv[1:])
