"""The model of a BME280 on a bench of its own, and what anybody reads out of it."""

from chips.bme280 import Bme280
from chips.bme280_trimming import Trimming

SLEEP, FORCED, NORMAL = 0, 1, 3


class Clock:
    """Microseconds since the board's start, moved by the test."""

    def __init__(self):
        self.now = 10000

    def __call__(self):
        return self.now

    def pass_ms(self, ms):
        self.now += int(ms * 1000)


def chip_of(temperature=21.0, pressure=1013.25, humidity=45.0, **more):
    clock = Clock()
    spec = {"signals": {"temperature": temperature, "pressure": pressure, "humidity": humidity}, "noise": 0}
    spec.update(more)
    return Bme280(spec, clock), clock


def read(chip, address, count=1):
    chip.write(bytes([address]))
    buffer = bytearray(count)
    chip.read(buffer)
    return buffer


def start(chip, t=1, p=1, h=1, mode=NORMAL, config=0):
    chip.write(bytes([0xF5, config, 0xF2, h, 0xF4, t << 5 | p << 2 | mode]))


def raw_of(data):
    """(temperature, pressure, humidity), raw, of the eight bytes from 0xF7."""
    return (
        data[3] << 12 | data[4] << 4 | data[5] >> 4,
        data[0] << 12 | data[1] << 4 | data[2] >> 4,
        data[6] << 8 | data[7],
    )


def measured(chip):
    """(C, hPa, %) as anybody would compute them: from the registers alone."""
    trimming = Trimming(bytes(read(chip, 0x88, 26) + read(chip, 0xE1, 7)))
    temperature, pressure, humidity = raw_of(read(chip, 0xF7, 8))
    fine = trimming.fine(temperature)
    return fine / 5120, trimming.pressure(pressure, fine) / 25600, trimming.relative(humidity, fine) / 1024
