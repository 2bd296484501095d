"""The board's own light: how it is doing, in flashes that a person counts."""

import sys

from expect import raises
from fake_port import FakePort, config, until
from floornode import settings
from floornode.station import Station

LED = {"name": "LED"}


def flashes(ms, turned=None, is_safe=False, **more):
    """How often the light went on in each round of a board's life of so many ms, and the port."""
    end = until(ms)

    def each(port):
        if turned:
            turned(port)
        end(port)

    port = FakePort(each)
    station = Station(port, config(led=LED, **more), 7, "power-on")
    station.is_safe = is_safe
    station.run()
    rounds = []
    last = -3000
    for at, on in port.flashes:
        if on:
            if at - last > 1000:
                rounds.append(0)
            rounds[-1] += 1
            last = at
    return rounds, port


def test_once_a_round_while_the_broker_takes_what_it_measures():
    rounds, _ = flashes(20000)
    assert set(rounds[1:]) == {1} and len(rounds) >= 6


def test_twice_while_a_sensor_does_not_answer():
    def turned(port):
        port.bus.is_cut = port.ms > 8000

    rounds, _ = flashes(30000, turned)
    assert rounds[1] == 1 and rounds[-3:] == [2, 2, 2]


def test_three_times_without_a_network():
    def turned(port):
        port.network.is_joined = False

    rounds, _ = flashes(30000, turned)
    assert rounds[-3:] == [3, 3, 3]


def test_four_times_without_a_broker():
    def turned(port):
        port.network.is_there = False

    rounds, _ = flashes(30000, turned)
    assert rounds[-3:] == [4, 4, 4]


def test_five_times_in_safe_mode_whatever_else_is_so():
    rounds, _ = flashes(20000, is_safe=True)
    assert rounds[-3:] == [5, 5, 5]


def test_on_from_the_start_and_dark_after_a_stop():
    _, port = flashes(5000)
    assert port.flashes[0] == (0, 1) and port.flashes[-1][1] == 0


def test_flashes_can_be_counted_and_rounds_told_apart():
    def turned(port):
        port.network.is_there = False

    _, port = flashes(30000, turned)
    times = [at for at, _ in port.flashes if at > 12000]
    waits = [times[i + 1] - times[i] for i in range(len(times) - 1)]
    short, long = [one for one in waits if one < 600], [one for one in waits if one >= 600]
    # Four times on, three times off in between.
    assert abs(len(short) - 7 * len(long)) <= 7 and len(long) >= 4
    assert min(short) >= 100 and min(long) >= 1000


def test_a_board_without_a_light_loads_nothing_for_it():
    sys.modules.pop("floornode.light", None)
    port = FakePort(until(5000))
    Station(port, config(), 7, "power-on").run()
    assert port.flashes == [] and "floornode.light" not in sys.modules


def test_the_light_waits_while_a_window_is_captured():
    class Capturing:
        is_capturing = True

    port = FakePort(until(1))
    station = Station(port, config(led=LED), 7, "power-on")
    before = len(port.flashes)
    sampler = station.sampler
    station.sampler = Capturing()
    station.light.step(0)
    assert len(port.flashes) == before and station.light.next(0) > 0
    station.sampler = sampler
    station.light.step(2000)
    assert len(port.flashes) == before + 1


def test_a_pin_that_is_taken_or_not_said_is_refused():
    for led, said in (
        ({}, "led: needs the number of its pin"),
        ({"pin": 3, "name": "LED"}, "led: needs the number of its pin"),
        ({"pin": 5}, "led.pin: pin 5 is already buses.i2c0.scl"),
        ({"pin": "LED"}, "led.pin: must be a whole number from 0 to 48"),
    ):
        error = raises(settings.SettingsError, lambda led=led: config(led=led))
        assert [one for one in error.faults if one.startswith(said)], error.faults
