"""A whole station on a scripted machine: its health, its clock, its watchdog, its log."""

import json

import bus
import chips
from fake_port import UNIX_MS, FakePort, Wires, config, until
from floornode import station as stations
from floornode.station import Station
from lived import HEALTH, run, said


def test_health_comes_with_the_connection_and_then_each_minute():
    port, _ = run(185000)
    found = said(port, HEALTH)
    assert [one["uptime"] for one in found] == [0, 60, 120, 180]
    last = found[-1]
    assert (last["boot"], last["reset"], last["settings"], last["rssi"]) == (7, "power-on", "given", -61)
    assert (last["heap_free"], last["heap_low"]) == (100000, 100000)
    assert (last["connects"], last["trouble"], last["dropped"], last["replayed"], last["resent"]) == (1, None, 0, 0, 0)
    assert last["delivered"] >= 3 * 179
    assert (last["clock"], last["clock_age"], last["ts"]) == (None, None, None)
    assert "no such name" in last["clock_trouble"]


def test_the_low_water_mark_is_the_least_of_all_looks_that_of_the_message_too():
    heap = [90000]

    def turned(port):
        # Least in the very turns in which a message is written.
        heap[0] = 80000 if port.ms % 60000 < 1000 else 90000 + port.ms % 7

    FakePort.heap_free, before = lambda _: heap[0], FakePort.heap_free
    try:
        port, _ = run(185000, turned)
    finally:
        FakePort.heap_free = before
    found = said(port, HEALTH)
    assert all(one["heap_low"] <= one["heap_free"] for one in found), found
    assert found[-1]["heap_low"] == 80000


def test_T49_health_counts_the_readings_that_a_sensor_failed_to_give():
    def turned(port):
        port.bus.is_cut = 10500 <= port.ms < 20500

    port, _ = run(61000, turned)
    topics = [topic for topic, payload in port.taken if b"sensor-fault" in payload]
    assert said(port, HEALTH)[-1]["faults"] == len(topics) >= 30


def test_health_of_the_interval_and_none_at_all():
    port, _ = run(21000, health={"interval_s": 5})
    assert len(said(port, HEALTH)) == 5
    port, _ = run(61000, health={"interval_s": 0})
    assert not said(port, HEALTH)


def test_an_outage_is_told_in_reconnects_downtime_and_replayed_readings():
    def turned(port):
        port.network.is_there = not 20000 <= port.ms < 50000
        if port.ms >= 20000 and port.network.connection is not None and not port.network.is_there:
            port.network.cut()

    port, _ = run(185000, turned)
    last = said(port, HEALTH)[-1]
    assert last["connects"] == 2
    assert 30 <= last["downtime"] <= 90
    assert last["replayed"] >= 60
    assert last["queued"] < 10
    assert not last["dropped"]


def test_drops_and_faults_are_counted():
    def turned(port):
        port.network.is_there = port.ms > 50000
        port.bus.is_cut = 10000 < port.ms < 20000

    port, _ = run(121000, turned, outbox={"capacity": 60, "durability": "ram"})
    last = said(port, HEALTH)[-1]
    assert last["dropped"] > 60
    assert last["faults"] >= 8


def test_a_sensor_that_is_lost_and_found_is_told_once_each():
    end = until(30000)

    def each(port):
        port.bus.is_cut = 10000 < port.ms < 20000
        end(port)

    port = FakePort(each)
    station = Station(port, config(), 7, "power-on")
    said = []
    station.log = lambda text: said.append((port.ms, text))
    station.run()
    found = [text for at, text in said if at > 5000 and text.startswith("sensor: ")]
    assert found == ["sensor: bme280@0x76: no answer", "sensor: bme280@0x76: answers again"], said


def test_T35_T36_the_station_asks_for_the_time_and_dates_what_waited():
    class Server:
        def __init__(self, port):
            self.port = port
            self.question = None

        def send(self, data):
            self.question = bytes(data)

        def receive(self):
            from time_server import answer

            # No answer in the first half minute.
            return answer(self.question, UNIX_MS + self.port.ms) if self.port.ms > 30000 else None

        def close(self):
            pass

    def turned(port):
        port.server = Server
        port.network.is_there = port.ms > 60000

    port, station = run(150000, turned)
    found = [json.loads(payload) for topic, payload in port.taken if topic.endswith(b"temperature")]
    assert found[0]["seq"] == 0
    assert "clock-not-set" not in found[0].get("quality", [])
    assert found[0]["ts"] * 1000 - UNIX_MS < 1000
    steps = [found[at + 1]["ts"] - found[at]["ts"] for at in range(len(found) - 1)]
    assert len(steps) > 60 and max(steps) < 1.2 and min(steps) > 0.8
    assert station.clock.source == "sntp"
    assert abs(port.unix_ms() - UNIX_MS - port.ms) <= 1000


def test_T34_the_watchdog_is_fed_through_outages_lost_sensors_and_silence():
    def turned(port):
        port.network.is_there = port.ms // 100000 % 3 != 1
        port.network.is_silent = port.ms // 100000 % 3 == 2
        if port.ms % 10000 < 20:
            port.network.cut()
        port.bus.is_cut = port.ms % 30000 < 15000

    port, _ = run(1800000, turned)
    assert port.machine.ms <= 8388
    assert port.machine.longest <= 2000, port.machine.longest
    assert port.machine.is_stopped  # by the Ctrl-C at the end


class Stuck:
    """A part that no longer gets through a step: what comes after it in the turn is not reached."""

    def __init__(self, part):
        self.part = part

    def __getattr__(self, name):
        return getattr(self.part, name)

    def due(self, _now):
        raise ValueError("stuck")

    step = due


def test_T38_the_log_counts_from_the_start_through_every_wrap_of_the_ticks():
    port = FakePort(until(10**9))
    one = Station(port, config(), 7, "power-on")
    lines = []
    stations.print = lines.append
    try:
        for _ in range(7):
            port.pass_ms(86400000)
            one.clock.step(port.now)
        one.log("a week")
    finally:
        del stations.print
    assert lines == ["[604800.000] a week"]


def test_the_port_hears_that_the_start_is_over_after_the_first_turn():
    seen = []

    def each(port):
        seen.append(port.is_settled)
        if len(seen) == 4:
            raise KeyboardInterrupt

    Station(FakePort(each), config(), 7, "power-on").run()
    assert seen[:4] == [False, True, True, True]


class Windows(stations.Sampler):
    """A sampler that says of its windows what ``capturing(now)`` does."""

    capturing = None

    @property
    def is_capturing(self):
        return Windows.capturing()


def dialled(capturing, ms):
    """When a station dialled and when its outbox might write, in ms, while windows are captured as ``capturing(ms)`` says."""
    times, written = [], []

    def dial():
        times.append(port.ms)
        raise OSError(111, "broker.plant refused the connection")

    port = FakePort(until(ms))
    port.network.dial = dial
    Windows.capturing = lambda: capturing(port.ms)
    before, stations.Sampler = stations.Sampler, Windows
    try:
        station = Station(port, config(), 7, "power-on")
        step = station.outbox.step

        def noted(now, is_served, due):
            written.append(port.ms)
            step(now, is_served, due)

        station.outbox.step = noted
        station.run()
    finally:
        stations.Sampler = before
    return times, written


def test_what_takes_long_is_done_between_windows():
    times, written = dialled(lambda ms: ms % 2000 < 900, 60000)
    assert len(times) >= 3
    assert all(ms % 2000 >= 900 for ms in times + written), (times, written)


def test_where_window_follows_window_a_station_dials_and_writes_all_the_same():
    times, written = dialled(lambda ms: True, 60000)
    assert len(times) >= 2
    assert 15000 <= times[0] <= 17000
    assert 15000 <= written[0] <= 17000


def first_window(turned, until_ms=40000):
    """When, in ms, a station had opened its sensor, was served and began its first window; without what never came."""
    seen = {}
    end = until(until_ms)

    def each(port):
        turned(port)
        for what, is_so in (("window", station.sampler.is_capturing), ("served", station.session.connects)):
            if is_so and what not in seen:
                seen[what] = port.ms
        if station.sampler.probes[0].driver is not None:
            seen.setdefault("opened", port.ms)
        end(port)

    port = FakePort(each)
    port.bus = Wires(bus.Bus({0x53: chips.load("adxl345")({}, port.ticks_us)}))
    sensors = [{"driver": "adxl345", "bus": "i2c0", "period_ms": 2000}]
    station = Station(port, config(sensors=sensors, time={"interval_s": 0}), 7, "power-on")
    station.run()
    return seen


def test_the_first_window_begins_when_the_first_attempt_to_connect_is_over():
    def slow(port):
        port.network.is_joined = port.ms >= 4000
        port.network.answers_dial = port.ms >= 6000

    seen = first_window(slow)
    assert seen["opened"] <= 100
    assert 6000 <= seen["served"] <= 6100
    assert 0 < seen["window"] - seen["served"] <= 100


def test_a_broker_that_is_absent_keeps_no_window_from_being_taken():
    def refusing(port):
        port.network.is_there = False

    seen = first_window(refusing)
    assert seen["window"] <= 100
    assert "served" not in seen


def test_the_first_window_waits_15_s_for_a_network_that_never_comes():
    def nowhere(port):
        port.network.is_joined = False

    seen = first_window(nowhere)
    assert 15000 <= seen["window"] <= 16100
    assert "served" not in seen


def test_a_station_whose_first_window_waits_sleeps_meanwhile():
    turns = []

    def nowhere(port):
        port.network.is_joined = False
        turns.append(port.ms)

    first_window(nowhere, 14000)
    # As often as a join is looked at, each 20 ms.
    assert len(turns) <= 14000 // 20 + 20


def fed(stuck):
    """How often the watchdog was fed in a hundred turns with this part stuck."""
    port = FakePort(until(10**9))
    station = Station(port, config(), 7, "power-on")
    station.watchdog.start(port.watchdog(8000))
    if stuck:
        setattr(station, stuck, Stuck(getattr(station, stuck)))
    count = 0
    for _ in range(100):
        before = port.machine.fed_at
        try:
            station.step(port.now)
        except ValueError:
            pass
        count += port.machine.fed_at != before
        port.wait(100)
    return count


def test_T34_a_part_that_is_not_reached_starves_the_watchdog():
    assert fed(None) >= 99
    for part in ("sampler", "session", "health"):
        assert fed(part) == 0, part
