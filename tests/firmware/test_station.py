"""A whole station on a scripted machine: what it says of itself, how it starts, and how it breaks."""

import gc
import json
import os

from expect import raises
from fake_port import UNIX_MS, WANTED, FakePort, Reset, config, until
from floornode import crash, startup
from floornode import station as stations
from floornode.station import Station

HEALTH = b"factory/floor-2/machine-42/health"
STATUS = b"factory/floor-2/machine-42/status"
if hasattr(gc, "freeze"):
    # A start collects garbage several times; under CPython it need not look at all that pytest holds.
    gc.freeze()
FILES = ("settings.json", "settings.good.json", crash.PATH)


def said(port, topic):
    return [json.loads(payload) for one, payload in port.taken if one == topic]


def run(ms, turned=None, **more):
    """The port after a station has lived for ``ms``; ``turned(port)`` before each turn."""
    end = until(ms)

    def each(port):
        if turned:
            turned(port)
        end(port)

    port = FakePort(each)
    station = Station(port, config(**more), 7, "power-on")
    station.run()
    return port, station


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def fresh(settings=WANTED):
    for name in FILES:
        for one in (name, name + ".new"):
            try:
                os.remove(one)
            except OSError:
                pass
    if settings is not None:
        write("settings.json", json.dumps(settings))


def live(ms, number=7, cause="power-on", turned=None):
    """A port on which a board has started as it does, and lived for ``ms`` or until it crashed."""
    end = until(ms)

    def each(port):
        if turned:
            turned(port)
        end(port)

    port = FakePort(each, number=number, cause=cause)
    try:
        startup.run(port)
    except Reset:
        pass
    return port


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
            from test_sntp import answer

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


def test_T33_settings_that_reached_a_broker_are_kept_and_written_once():
    fresh()
    live(5000)
    with open("settings.good.json") as file:
        assert json.loads(file.read()) == WANTED
    before = os.stat("settings.good.json")
    port = live(5000, number=8)
    assert tuple(os.stat("settings.good.json")) == tuple(before) or os.stat("settings.good.json")[8] == before[8]
    assert "settings" not in said(port, STATUS)[0]
    fresh(None)


def test_T33_settings_that_never_reached_one_are_not():
    fresh()

    def turned(port):
        port.network.is_there = False

    live(20000, turned=turned)
    assert "settings.good.json" not in os.listdir()
    fresh(None)


def test_T33_damaged_settings_the_last_good_ones_serve_and_it_says_so():
    for damage in ("{", "", '{"site": "factory"}', "\x00" * 100):
        fresh()
        live(3000)
        write("settings.json", damage)
        port = live(5000, number=8)
        birth = said(port, STATUS)[0]
        assert birth["settings"] == "last-good"
        assert birth["reason"]
        assert set(birth["readings"]) == {"temperature", "pressure", "humidity"}
        assert said(port, HEALTH)[0]["settings"] == "last-good"
        # What is damaged is never kept as good.
        with open("settings.good.json") as file:
            assert json.loads(file.read()) == WANTED
    fresh(None)


def test_T33_without_last_good_ones_there_is_nothing_to_run_by():
    fresh(None)
    raises(SystemExit, live, 1000)


def breaks(after_ms=3000):
    def turned(port):
        if port.ms > after_ms:
            raise ValueError("the radio broke")

    return turned


def breaks_once():
    raised = []

    def turned(port):
        if port.ms > 3000 and not raised:
            raised.append(port.ms)
            raise ValueError("the radio broke")

    return turned


def test_a_crash_is_recorded_the_board_reset_and_the_next_birth_tells():
    fresh()
    port = live(60000, turned=breaks())
    assert port.is_reset
    birth = said(live(5000, number=8, cause="reset"), STATUS)[0]
    assert birth["status"] == "online" and birth["reset"] == "reset"
    told = birth["crash"]
    assert (told["boot"], told["count"], told["error"]) == (7, 1, "ValueError: the radio broke")
    assert (told["state"], told["uptime"], told["where"]) == ("serve", 3, "somewhere.py, line 1, in f")
    fresh(None)


def test_T32_ten_crashes_in_a_row_end_in_safe_mode_which_says_why():
    fresh()
    for number in range(1, 11):
        assert live(60000, number=number, cause="reset", turned=breaks()).is_reset
    port = live(130000, number=11, cause="reset")
    birth = said(port, STATUS)[0]
    assert birth["status"] == "safe-mode"
    assert birth["readings"] == {}
    assert birth["reason"] == "10 crashes in a row, the last: ValueError: the radio broke"
    assert birth["crash"]["count"] == 10
    assert len(said(port, HEALTH)) == 3  # it goes on talking
    assert not [topic for topic, _ in port.taken if topic not in (STATUS, HEALTH)]
    assert not port.is_reset
    fresh(None)


def test_T32_the_next_start_after_safe_mode_tries_again():
    fresh()
    for number in range(1, 11):
        live(60000, number=number, cause="reset", turned=breaks())
    live(5000, number=11, cause="reset")
    assert said(live(5000, number=12), STATUS)[0]["status"] == "online"
    fresh(None)


def test_T32_safe_mode_ends_by_itself_after_an_hour():
    fresh()
    for number in range(1, 11):
        live(60000, number=number, cause="reset", turned=breaks())
    port = live(4000000, number=11, cause="reset")
    assert port.is_reset
    assert 3600000 <= port.ms <= 3602000
    fresh(None)


def test_T32_where_even_safe_mode_breaks_there_is_time_for_a_cable():
    fresh()
    for number in range(1, 11):
        assert live(60000, number=number, cause="reset", turned=breaks()).ms < 4000
    port = live(10**9, number=11, cause="reset", turned=breaks_once())
    assert port.is_reset
    assert port.ms >= 60000
    assert crash.last()["count"] == 11
    fresh(None)


def test_a_crash_that_cannot_be_recorded_is_no_reason_to_start_anew_at_once():
    fresh()
    os.mkdir(crash.PATH + ".new")  # nothing can be written there
    try:
        for cause in ("reset", "watchdog"):
            port = live(10**9, cause=cause, turned=breaks_once())
            assert port.is_reset and port.ms >= 60000
            assert said(port, STATUS)[0]["status"] == "online"
    finally:
        os.rmdir(crash.PATH + ".new")
        fresh(None)


def test_T32_watchdog_bites_count_as_crashes_and_wanted_resets_do_not():
    fresh()
    for number in range(2, 12):
        live(5000, number=number, cause="watchdog")
    assert said(live(5000, number=12, cause="watchdog"), STATUS)[0]["status"] == "safe-mode"
    fresh()
    for number in range(2, 20):
        assert said(live(5000, number=number, cause="reset"), STATUS)[0]["status"] == "online"
    assert crash.PATH not in os.listdir()
    fresh(None)


def test_T32_ten_good_minutes_end_the_row():
    fresh()
    for number in range(1, 10):
        live(60000, number=number, cause="reset", turned=breaks())
    live(700000, number=10, cause="reset", turned=breaks(650000))
    assert crash.last()["count"] == 1
    fresh(None)


def test_nothing_is_written_to_flash_while_all_goes_well():
    fresh()
    live(5000)
    before = sorted(os.listdir())
    live(1300000, number=8)
    assert sorted(os.listdir()) == before
    assert crash.PATH not in before
    fresh(None)
