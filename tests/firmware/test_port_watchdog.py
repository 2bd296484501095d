"""What the port does to an RP2's watchdog registers, and what it reads from them. The machine is a dictionary."""

import floornode.ports.micropython as ports

MICROPYTHON_ONLY = "MicroPython's port asks MicroPython's time"

CHIPS = (("Raspberry Pi Pico W with RP2040", 0x40058000), ("Raspberry Pi Pico 2 W with RP2350", 0x400D8000))


class Rp2:
    """The `machine` and the `sys` of an RP2."""

    PWRON_RESET = 1
    WDT_RESET = 3
    platform = "rp2"

    def __init__(self, name):
        self.implementation = ("micropython", (1, 26, 0), name)
        self.mem32 = {}
        self.fed = 0

    def WDT(self, timeout):
        assert timeout <= 8388
        return self

    def feed(self):
        self.fed += 1

    def reset_cause(self):
        # As ports/rp2/modmachine.c tells it: any reset by the watchdog's hardware, wanted or not.
        return self.WDT_RESET if any(self.mem32.values()) else self.PWRON_RESET


def on(machine, act, *arguments):
    """What ``act`` gives while the port sees that machine."""
    before = ports.machine, ports.sys
    ports.machine = ports.sys = machine
    try:
        return act(*arguments)
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

    def __init__(self):
        self.limits = []

    def WDT(self, timeout):
        self.limits.append(timeout)
        return self

    def feed(self):
        pass

    def reset_cause(self):
        return self.WDT_RESET


class Registers:
    """Memory that notes each write, in order."""

    def __init__(self):
        self.writes = []

    def __setitem__(self, address, value):
        self.writes.append((address, value))


def looked_up(machine, host):
    """What happens to the watchdog while ``host`` is looked up."""
    port = ports.Port()
    port.watchdog(8000)
    seen = []

    def kind(_poll, _host, _port):
        seen.extend(machine.mem32.writes)
        raise OSError(2, "no such name")

    try:
        port._look_up(kind, host, 1883)
    except OSError:
        pass
    return seen, machine.mem32.writes[len(seen) :]


def test_T34_the_watchdog_rests_while_a_name_is_looked_up_and_goes_on_after():
    for name, base in CHIPS:
        machine = Rp2(name)
        machine.mem32 = Registers()
        during, after = on(machine, looked_up, machine, "broker.plant")
        assert during == [(base + 0x3000, 1 << 30)]
        assert after == [(base + 0x2000, 1 << 30)]
        assert machine.fed == 1


def test_T34_an_address_needs_no_rest():
    machine = Rp2(CHIPS[0][0])
    machine.mem32 = Registers()
    assert on(machine, looked_up, machine, "192.168.1.10") == ([], [])


def test_a_watchdog_that_was_stopped_stays_so():
    machine = Rp2(CHIPS[0][0])
    machine.mem32 = Registers()

    def act():
        watchdog = ports.Watchdog(8000)
        watchdog.stop()
        watchdog.resume()

    on(machine, act)
    assert machine.mem32.writes == [(CHIPS[0][1] + 0x3000, 1 << 30)]


def test_T34_an_esp32_gives_a_look_up_a_day_and_then_its_limit_again():
    machine = Esp32()

    def act():
        watchdog = ports.Watchdog(8000)
        watchdog.pause()
        watchdog.resume()

    on(machine, act)
    assert machine.limits == [8000, 86400000, 8000]


def test_another_machine_has_no_such_registers():
    port = ports.Port()
    assert on(Esp32(), port.reset_cause) == "watchdog"
