"""An I2C bus that a chip holds, cut off in mid-answer by the board's own reset: the port frees it by hand."""

import floornode.ports.micropython as ports
from expect import raises
from floornode.ports import stuck_bus
from floornode.sensors.bme280 import Bme280
from simulated_board import ESP32, PICO, board

MICROPYTHON_ONLY = "MicroPython's port asks MicroPython's time"


class Settings:
    """One entry of the settings' buses."""

    id = 0
    scl = 5
    sda = 4
    freq = 400000


class Board:
    """A simulated board with a BME280, seen by the port."""

    def __init__(self, name, *faults):
        chip = {"chip": "bme280", "signals": {"temperature": 24}, "faults": list(faults)}
        self.machine, _, self.clock = board(name, i2c={"0": {"118": chip}})
        # A bus that nobody opened yet has no pins in the simulation.
        self.machine.I2C(0, scl=self.machine.Pin(5), sda=self.machine.Pin(4))
        self.clock.now = 2000000

    def open(self):
        before = ports.machine, stuck_bus.machine
        ports.machine = stuck_bus.machine = self.machine
        try:
            return Bme280(ports.Port().i2c(Settings), 0x76)
        finally:
            ports.machine, stuck_bus.machine = before


def test_T49_a_chip_that_was_cut_off_in_mid_answer_is_clocked_until_it_lets_go():
    for name in (PICO, ESP32):
        for clocks in range(1, 10):
            one = Board(name, {"kind": "hung", "at_s": 1, "clocks": clocks})
            assert one.machine.Pin(4)() == 0
            driver = one.open()
            one.clock.now += 50000
            assert abs(driver.read()[0] - 24) < 0.01


def test_T49_a_short_is_told_at_once_and_over_when_it_goes():
    for fault in ({"kind": "stuck"}, {"kind": "hung", "clocks": 1000}):
        fault.update(at_s=1, for_s=2)
        one = Board(PICO, fault)
        raises(OSError, one.open, text="bus is stuck: something holds SDA low")
        one.clock.now = 3000000
        driver = one.open()
        one.clock.now += 50000
        assert abs(driver.read()[0] - 24) < 0.01


def test_a_bus_that_is_free_is_not_clocked_by_hand():
    one = Board(PICO)
    freed = []
    before = stuck_bus.free
    stuck_bus.free = lambda scl, sda: freed.append((scl, sda))
    try:
        one.open()
        assert freed == []
        raises(OSError, Board(PICO, {"kind": "hung"}).open, text="bus is stuck")
        assert freed == [(5, 4)]
    finally:
        stuck_bus.free = before
