"""What each sensor of a board takes of the heap: run by bench_sensors.py in the real MicroPython, in a folder with the board's
settings.json and simulation.json.

The chips' models share that heap. So a reading is taken once with them, and what they answered is kept; then once more with
those answers alone, and what is allocated meanwhile is the driver's.
"""

import gc
import json
import time

from floornode import settings
from floornode.ports.micropython import Port
from floornode.sensors import load


class Tape:
    """A bus of any kind: what it answered is kept, and given once more after ``rewind``. Then it allocates nothing."""

    def __init__(self, bus):
        self._bus = bus
        self._answers = []
        self._at = None
        self.owner = None
        self.known = []

    def rewind(self):
        self._at = 0

    def keep(self):
        """What was answered so far is of no interest."""
        self._answers = []

    def ticks_us(self):
        if self._at is None:
            self._answers.append(time.ticks_us())
            return self._answers[-1]
        self._at += 1
        return self._answers[self._at - 1]

    def exchange(self, out, into):
        if self._at is None:
            self._bus.exchange(out, into)
        self._answer(into)

    def readfrom_mem_into(self, address, register, buffer):
        if self._at is None:
            self._bus.readfrom_mem_into(address, register, buffer)
        self._answer(buffer)

    def writeto_mem(self, address, register, data):
        if self._at is None:
            self._bus.writeto_mem(address, register, data)

    def readfrom_into(self, address, buffer):
        if self._at is None:
            self._bus.readfrom_into(address, buffer)
        self._answer(buffer)

    def writeto(self, address, data):
        if self._at is None:
            self._bus.writeto(address, data)

    def reset(self):
        return self._at is not None or self._bus.reset()

    def write(self, data):
        if self._at is None:
            self._bus.write(data)

    def readinto(self, buffer):
        if self._at is None:
            self._bus.readinto(buffer)
        self._answer(buffer)

    def _answer(self, buffer):
        if self._at is None:
            self._answers.append(bytes(buffer))
            return
        answer = self._answers[self._at]
        self._at += 1
        for at in range(len(buffer)):
            buffer[at] = answer[at]


def used():
    gc.collect()
    return gc.mem_alloc()


def take(driver, port, waits):
    """One reading, from its beginning."""
    if driver.lead_ms is not None:
        driver.begin(port.ticks())
        while True:
            pause = driver.step(port.ticks())
            if pause is None:
                break
            if waits:
                time.sleep_ms(pause)
    return driver.read()


def measure(port, wanted, sensor, code):
    bus = wanted.buses[sensor.bus]
    cls = load(sensor.driver)
    wires = port.wires()
    if bus.kind == "i2c":
        real = port.i2c(bus)
    elif bus.kind == "spi":
        real = wires.spi(bus, sensor.cs, cls.spi_mode)
    else:
        real = wires.onewire(bus)
    # Without its interrupt pin: what that says is no answer of the bus.
    options = {key: None if key == "int1" else value for key, value in dict(sensor.options).items()}
    tape = Tape(real)
    if cls.streams:
        options["ticks_us"] = tape.ticks_us
    before = used()
    driver = cls(tape, sensor.address, **options)
    tape.keep()
    first = used() - before
    time.sleep_ms(driver.settle_ms)
    # The first reading may make what the later ones use.
    take(driver, port, True)
    tape.keep()
    before = used()
    another = cls(tape, sensor.address, **options)
    tape.keep()
    held = used() - before
    # What the first driver imported.
    code += first - held
    del another
    time.sleep_ms(driver.settle_ms)
    tape.keep()
    values = take(driver, port, True)
    tape.rewind()
    used()
    gc.disable()
    before = gc.mem_alloc()
    again = take(driver, port, False)
    allocated = gc.mem_alloc() - before
    gc.enable()
    if again != values:
        raise ValueError(f"{sensor.name}: {again} of the tape are not {values}")
    print("COST", sensor.name, code, held, allocated)


port = Port()
with open("settings.json") as file:  # noqa: PTH123 (MicroPython has no pathlib)
    text = json.load(file)
codes = {}
for one in text["sensors"]:
    before = used()
    load(one["driver"])
    codes[one["driver"]] = used() - before
wanted = settings.parse(text)
for sensor, one in zip(wanted.sensors, text["sensors"]):  # noqa: B905 (nor a strict zip)
    measure(port, wanted, sensor, codes[one["driver"]])
