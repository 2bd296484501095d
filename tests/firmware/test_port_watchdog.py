"""What the port does to an RP2's watchdog registers, and what it reads from them. The machine is a dictionary."""

import floornode.ports.micropython as ports

MICROPYTHON_ONLY = "MicroPython's port asks MicroPython's time"

CHIPS = (("Raspberry Pi Pico W with RP2040", 0x40058000), ("Raspberry Pi Pico 2 W with RP2350", 0x400D8000))


class Wdt:
    def __init__(self, timeout):
        self.timeout = timeout

    def feed(self):
        pass


class Rp2:
    """The `machine` and the `sys` of an RP2."""

    PWRON_RESET = 1
    WDT_RESET = 3
    platform = "rp2"
    WDT = Wdt

    def __init__(self, name):
        self.implementation = ("micropython", (1, 26, 0), name)
        self.mem32 = {}

    def reset_cause(self):
        # As ports/rp2/modmachine.c tells it: any reset by the watchdog's hardware, wanted or not.
        return self.WDT_RESET if any(self.mem32.values()) else self.PWRON_RESET


def on(machine, act):
    """What ``act`` gives while the port sees that machine."""
    before = ports.machine, ports.sys
    ports.machine = ports.sys = machine
    try:
        return act()
    finally:
        ports.machine, ports.sys = before


def test_T34_an_rp2_tells_a_watchdog_that_bit_from_a_reset_that_was_wanted():
    port = ports.Port()
    for name, base in CHIPS:
        for reason, word in ((0, "power-on"), (1, "watchdog"), (2, "reset")):
            machine = Rp2(name)
            machine.mem32[base + 8] = reason
            assert on(machine, port.reset_cause) == word, (name, reason)


def test_a_person_at_an_rp2_stops_its_watchdog_by_the_enable_bit_alone():
    for name, base in CHIPS:
        machine = Rp2(name)
        on(machine, lambda: ports.Watchdog(8000).stop())
        # A write to the alias at 0x3000 clears the bits that are set in it, and no other.
        assert machine.mem32 == {base + 0x3000: 1 << 30}


class Esp32:
    PWRON_RESET = 1
    HARD_RESET = 2
    WDT_RESET = 3
    platform = "esp32"
    implementation = ("micropython", (1, 26, 0), "Generic ESP32 module with ESP32")

    def reset_cause(self):
        return self.WDT_RESET


def test_another_machine_has_no_such_registers():
    port = ports.Port()
    assert on(Esp32(), port.reset_cause) == "watchdog"
