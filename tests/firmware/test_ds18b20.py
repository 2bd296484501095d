"""The DS18B20 driver over the model of its chip, on wires with one and with several: values, lateness, every way to fail."""

from expect import raises
from floornode.sensors import load
from floornode.sensors.ds18b20 import Ds18b20, crc8
from floornode.sensors.wire_search import Search
from timed_wire import OTHER, ROM, THIRD, Wire


def measure(wire, *drivers, stop_after=5000):
    """One measurement of each driver, their steps interleaved as the sampler's turns do it."""
    for driver in drivers:
        driver.begin(wire.now())
    waits = [wire.us] * len(drivers)
    running = list(range(len(drivers)))
    longest = 0
    while running:
        for at in list(running):
            if wire.us < waits[at]:
                continue
            before = wire.us
            wait = drivers[at].step(wire.now())
            longest = max(longest, wire.us - before)
            if wait is None:
                running.remove(at)
            else:
                waits[at] = wire.us + wait * 1000
        wire.us += 100
        assert wire.us < stop_after * 1000
    wire.longest = longest
    return [driver.read()[0] for driver in drivers]


def test_the_table_of_drivers_finds_it():
    assert load("ds18b20") is Ds18b20
    assert Ds18b20.buses == ("onewire",)


def test_it_measures_what_the_chip_feels():
    for celsius in (-55, -10.125, -0.0625, 0, 21.5, 85.0625, 92.25, 125):
        wire = Wire(a=celsius)
        assert measure(wire, Ds18b20(wire, None)) == [celsius]


def test_several_on_one_wire_are_told_apart_and_do_not_disturb_each_other():
    wire = Wire(a=20.5, b=91.25, c=-5)
    found = measure(wire, Ds18b20(wire, THIRD), Ds18b20(wire, ROM), Ds18b20(wire, OTHER))
    assert found == [-5, 20.5, 91.25]
    assert wire.us < 900000  # their conversions overlap


def test_no_step_takes_longer_than_half_the_fifo_of_an_accelerometer():
    wire = Wire(a=20, b=30)
    measure(wire, Ds18b20(wire, ROM), Ds18b20(wire, OTHER))
    assert wire.longest <= 5000, wire.longest


def test_it_is_done_within_its_lead():
    wire = Wire(a=20)
    began = wire.now()
    measure(wire, Ds18b20(wire, ROM))
    assert 750 < wire.now() - began <= Ds18b20.lead_ms


def test_the_reading_is_of_the_end_of_the_conversion():
    wire = Wire(a={"kind": "ramp", "start": 0, "end": 100, "for_s": 10})
    driver = Ds18b20(wire, ROM)
    celsius = measure(wire, driver)[0]
    assert abs(celsius - driver.ended / 100) < 0.1, (celsius, driver.ended)


def test_T50_85_c_of_a_chip_that_has_converted_is_a_temperature():
    wire = Wire(a=85)
    assert measure(wire, Ds18b20(wire, None)) == [85]


def test_T50_85_c_of_power_on_is_a_fault():
    wire = Wire(a=60)
    driver = Ds18b20(wire, None)
    # Its first conversion is still under way, 750 ms after the beginning.
    wire.chips["a"]._settle = lambda: None
    raises(OSError, measure, wire, driver, text="85 C of power-on")


def test_T50_85_c_of_a_part_whose_reserved_byte_never_changes_is_a_temperature_but_at_first():
    wire = Wire(a=85)
    driver = Ds18b20(wire, None)
    chip = wire.chips["a"]
    settle = chip._settle

    def settled():
        settle()
        chip._scratchpad[6] = 0x0C

    chip._settle = settled
    raises(OSError, measure, wire, driver, text="85 C of power-on")
    chip._signal.at = lambda ms: 84.5
    assert measure(wire, driver) == [84.5]
    chip._signal.at = lambda ms: 85
    assert measure(wire, driver) == [85]


def test_T49_a_conversion_that_was_not_heard_is_a_fault_and_not_the_last_value_again():
    wire = Wire(a=60)
    driver = Ds18b20(wire, ROM)
    assert measure(wire, driver) == [60]
    wire.chips["a"].command = lambda code, ask=wire.chips["a"].command: ask(0 if code == 0x44 else code)
    before = wire.us
    raises(OSError, measure, wire, driver, text="does not convert")
    assert wire.us - before < 100000


def test_T49_one_that_lives_on_the_wires_power_says_what_to_connect():
    wire = Wire(a=60, parasite=True)
    raises(OSError, measure, wire, Ds18b20(wire, None), text="lives on the wire's power: connect its VDD")


def test_T49_a_brown_out_while_it_converts_is_a_fault():
    for at_s in (0.1, 0.4, 0.7):
        wire = Wire([{"kind": "brown-out", "at_s": at_s}], a=60)
        raises(OSError, measure, wire, Ds18b20(wire, None), text="lost its power")
        assert measure(wire, Ds18b20(wire, None)) == [60]


def test_T49_nobody_on_the_wire():
    wire = Wire()
    raises(OSError, measure, wire, Ds18b20(wire, None), text="nobody answers on its wire")
    assert wire.owner is None


def test_T49_one_that_is_gone_leaves_the_others():
    wire = Wire([{"kind": "nack", "at_s": 0.5}], a=20, b=30)
    error = raises(OSError, measure, wire, Ds18b20(wire, ROM), text="no answer; unknown on its wire: " + OTHER.hex())
    assert error.args[0] == 19
    assert wire.owner is None
    assert measure(wire, Ds18b20(wire, OTHER)) == [30]


def test_T49_a_wire_that_is_held_low():
    wire = Wire([{"kind": "stuck"}], a=20)
    raises(OSError, measure, wire, Ds18b20(wire, ROM), text="wire is held low")


def test_T49_two_without_an_address_are_garbled_and_say_what_to_do():
    wire = Wire(a=20.3, b=30.7)
    text = "give each its address: "
    text = str(raises(OSError, measure, wire, Ds18b20(wire, None), text=text)).split(text)[1]
    assert sorted(text.split(", ")) == [OTHER.hex(), ROM.hex()]


def test_a_probe_that_was_replaced_names_its_successor_and_not_its_neighbours():
    wire = Wire(a=20, b=30)
    others = [Ds18b20(wire, ROM)]
    assert measure(wire, *others) == [20]
    error = raises(OSError, measure, wire, Ds18b20(wire, THIRD))
    assert str(error).endswith("unknown on its wire: " + OTHER.hex())
    assert measure(wire, Ds18b20(wire, OTHER), *others) == [30, 20]
    error = raises(OSError, measure, wire, Ds18b20(wire, THIRD))
    assert str(error).endswith("no answer")


def test_the_search_finds_up_to_four_and_no_step_of_it_is_long():
    for names in ("a", "ab", "abc"):
        wire = Wire(**dict.fromkeys(names, 20))
        search = Search(wire)
        longest = 0
        while True:
            before = wire.us
            is_over = search.step()
            longest = max(longest, wire.us - before)
            if is_over:
                break
        assert sorted(search.found) == sorted(wire.search())
        assert longest <= 5000


def test_a_search_over_noise_ends_and_believes_no_code_with_a_wrong_crc():
    for seed in range(20):
        wire = Wire(a=20, b=30)
        noise = [seed + 1]

        def read_bit(wire=wire, noise=noise):
            noise[0] = (noise[0] * 1664525 + 1013904223) & 0xFFFFFFFF
            return wire.bus.read() ^ (noise[0] >> 24 < 4)

        wire.read_bit = read_bit
        search = Search(wire)
        for _ in range(100):
            if search.step():
                break
        else:
            raise AssertionError("no end")
        assert not [rom for rom in search.found if crc8(rom)]


def test_T49_bits_that_turned_and_answers_broken_off_are_garbled():
    for fault in ({"kind": "bit-errors", "rate": 0.5}, {"kind": "short", "bytes": 5}):
        wire = Wire([fault], a=20)
        raises(OSError, measure, wire, Ds18b20(wire, ROM), text="garbled")


def test_T49_a_lost_measurement_lets_the_wire_go():
    wire = Wire([{"kind": "nack", "at_s": 0.3}], a=20)
    driver = Ds18b20(wire, ROM)
    raises(OSError, measure, wire, driver)
    assert wire.owner is None
