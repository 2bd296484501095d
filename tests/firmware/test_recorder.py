"""A raw window on request: its chunks, what is asked for again, and that neither telemetry nor the next window suffers."""

import binascii
import json
from array import array

import bus
import chips
from fake_port import FakePort, Wires, config, until
from floornode.contract import captured, command
from floornode.recorder import RESERVE
from floornode.station import Station

MACHINE = b"factory/floor-2/machine-42/"
COMMAND = MACHINE + b"command"
CAPTURE = MACHINE + b"capture"
VIBRATION = MACHINE + b"vibration"
SHAKE = {"kind": "tones", "mean": 1, "tones": [[100, 1.0]]}


class Asker:
    """Presses Ctrl-C after ``ms``; at the times (ms) in ``asks`` it says something to the board, as retained where that is
    True; ``cut_at``: answers until the link breaks."""

    def __init__(self, ms, asks, cut_at=None):
        self._end = until(ms)
        self._asks = sorted(asks)
        self._cut_at = cut_at

    def __call__(self, port):
        if self._cut_at is not None and len(answers(port)) > self._cut_at:
            self._cut_at = None
            port.network.cut()
        while self._asks and port.ms >= self._asks[0][0]:
            port.network.publish(COMMAND, *self._asks.pop(0)[1:])
        self._end(port)


def answers(port):
    return [captured.decode(json.loads(payload)) for topic, payload in port.taken if topic == CAPTURE]


def live(ms, *asks, cut_at=None, sensors=None, **more):
    """The port and the station of a board with an ADXL345 on I2C: 1024 samples at 800 Hz each two seconds."""
    port = FakePort(Asker(ms, asks, cut_at))
    model = chips.load("adxl345")({"signals": {"z": SHAKE}}, port.ticks_us)
    port.bus = Wires(bus.Bus({0x53: model}))
    if sensors is None:
        sensors = [{"driver": "adxl345", "bus": "i2c0", "period_ms": 2000}]
    station = Station(port, config(sensors=sensors, time={"interval_s": 0}, **more), 7, "power-on")
    station.run()
    return port, station


def ask(id, chunks=None, name="vibration"):
    return command.encode(name, id, chunks)


def readings(port):
    return [json.loads(payload) for topic, payload in port.taken if topic == VIBRATION]


def whole(found):
    """The samples of a window whose Head and Chunks were found."""
    head = found[0]
    pieces = sorted([(one.number, binascii.a2b_base64(one.text)) for one in found[1:]])
    assert all(binascii.crc32(binascii.a2b_base64(one.text)) & 0xFFFFFFFF == one.crc for one in found[1:])
    assert [number for number, _data in pieces] == list(range(head.chunks))
    data = b"".join([piece for _number, piece in pieces])
    assert len(data) == 2 * head.samples
    assert binascii.crc32(data) & 0xFFFFFFFF == head.crc
    return array("h", data)


def test_a_window_comes_whole_and_is_the_one_behind_the_reading_it_names():
    port, _ = live(6500, (3000, ask("a1")))
    found = answers(port)
    assert [isinstance(one, captured.Chunk) for one in found] == [False] + [True] * 4
    head = found[0]
    assert (head.id, head.name, head.boot, head.samples, head.chunks) == ("a1", "vibration", 7, 1024, 4)
    assert (head.sensor, head.scale) == ("adxl345@0x53", 1 / 256)
    reading = readings(port)[head.seq]
    assert (reading["seq"], reading["ts"]) == (head.seq, head.ts)
    assert abs(head.rate - reading["features"]["rate"]) < 0.06
    samples = whole(found)
    assert abs((max(samples) - min(samples)) / 256 - reading["features"]["peak_to_peak"]) < 0.001


def test_nothing_of_it_leaves_while_a_window_is_captured_and_no_reading_is_disturbed():
    port = FakePort(until(9000))
    model = chips.load("adxl345")({"signals": {"z": SHAKE}}, port.ticks_us)
    port.bus = Wires(bus.Bus({0x53: model}))
    sensors = [{"driver": "adxl345", "bus": "i2c0", "period_ms": 2000}]
    station = Station(port, config(sensors=sensors, time={"interval_s": 0}), 7, "power-on")
    said = []
    plain = station.recorder.text

    def text(now):
        said.append(station.sampler.is_capturing)
        return plain(now)

    station.recorder.text = text
    asked = []
    turned = port._turned

    def turn(port):
        # Ever again, in the middle of a window above all.
        if port.ms > 500 * (len(asked) + 1) and port.network.connection is not None:
            asked.append(port.ms)
            port.network.publish(COMMAND, ask("a%d" % len(asked)))
        turned(port)

    port._turned = turn
    station.run()
    assert len(said) >= 10 and not any(said)
    assert not [one for one in readings(port) if "disturbed" in one.get("quality", ())]
    assert [one["seq"] for one in readings(port)] == list(range(len(readings(port))))


def test_a_chunk_takes_one_place_of_the_window_at_a_time():
    port, station = live(6500, (3000, ask("a1")))
    assert station.recorder.sent == 1
    times = [at for at, (topic, _payload) in enumerate(port.taken) if topic == CAPTURE]
    assert len(times) == 5


def test_what_was_lost_with_the_link_is_sent_again_when_it_is_asked_for():
    # The broker answers, but of what is under way when the link breaks nobody hears.
    port, _ = live(20000, (3000, ask("a1")), (14000, ask("a1", [0, 1, 2, 3])), cut_at=2)
    assert {one.number for one in answers(port) if isinstance(one, captured.Chunk)} == {0, 1, 2, 3}
    last = answers(port)[-5:]
    assert [getattr(one, "number", None) for one in last] == [None, 0, 1, 2, 3]
    whole(last)


def test_only_the_chunks_asked_for_come_again_behind_what_the_window_is():
    port, _ = live(8000, (3000, ask("a1")), (5500, ask("a1", [3, 1, 60])))
    assert [getattr(one, "number", None) for one in answers(port)] == [None, 0, 1, 2, 3, None, 1, 3]


def test_a_command_that_comes_twice_is_obeyed_once():
    port, _ = live(6500, (3000, ask("a1")), (3300, ask("a1")), (3400, ask("a1")))
    assert len(answers(port)) == 5


def test_a_command_that_the_broker_had_kept_is_not_obeyed_and_the_next_is():
    port, _ = live(8000, (3000, ask("a1"), True), (3100, ask("b2")))
    assert {one.id for one in answers(port)} == {"b2"}


def test_a_window_that_is_let_go_or_too_old_is_not_sent_again():
    for asks in (
        ((3000, ask("a1")), (5500, ask("a1", [])), (7500, ask("a1", [1]))),
        ((3000, ask("a1")), (40000, ask("a1", [1]))),
    ):
        port, _ = live(asks[-1][0] + 2000, *asks)
        assert answers(port)[-1].why == "it is not held any more; ask for a new one"
        assert len(answers(port)) == 6


def test_a_second_asker_waits_for_the_first_and_then_has_a_newer_one():
    port, _ = live(12000, (3000, ask("a1")), (8000, ask("b2")))
    heads = [one for one in answers(port) if isinstance(one, captured.Head)]
    assert [one.id for one in heads] == ["a1", "b2"]
    assert heads[1].seq > heads[0].seq


def test_a_quantity_that_has_no_window_is_refused_with_those_that_have_one():
    port, _ = live(5000, (3000, ask("a1", name="temperature")))
    assert [(one.id, one.why) for one in answers(port)] == [
        ("a1", "no window is taken for that; there are: vibration"),
    ]


def test_a_sensor_that_is_lost_is_refused_with_its_reason():
    port = FakePort(Asker(8000, [(6000, ask("a1"))]))
    model = chips.load("adxl345")({"signals": {"z": SHAKE}}, port.ticks_us)
    port.bus = Wires(bus.Bus({0x53: model}))
    port.bus.is_cut = True
    sensors = [{"driver": "adxl345", "bus": "i2c0", "period_ms": 2000}]
    Station(port, config(sensors=sensors, time={"interval_s": 0}), 7, "power-on").run()
    assert [one.why for one in answers(port)] == ["adxl345@0x53: no answer"]


def test_what_is_no_command_costs_a_line():
    for text in (
        b"",
        b"\xff\xfe",
        b"{}",
        b"[" * 500,
        b'{"capture":1,"id":"a"}',
        b'{"capture":"vibration"}',
        b'{"capture":"vibration","id":"A/b"}',
        b'{"capture":"vibration","id":"' + b"a" * 17 + b'"}',
        b'{"capture":"vibration","id":"a","chunks":[true]}',
        b'{"capture":"vibration","id":"a","chunks":[64]}',
        b'{"capture":"vibration","id":"a","chunks":3}',
        b"x" * 5000,
    ):
        port, _ = live(5000, (3000, text))
        assert not answers(port), text
        assert len(readings(port)) >= 1


def test_a_board_that_takes_no_commands_or_no_windows_does_not_listen():
    for more in ({"commands": False}, {"sensors": [{"driver": "bme280", "bus": "i2c0"}]}):
        _, station = live(2000, **more)
        assert station.recorder is None and station.session.client.inbound is None


def without_memory(ms, *asks):
    """As ``live``, on a board with no memory for a copy of a window."""
    port = FakePort(Asker(ms, asks))
    model = chips.load("adxl345")({"signals": {"z": SHAKE}}, port.ticks_us)
    port.bus = Wires(bus.Bus({0x53: model}))
    sensors = [{"driver": "adxl345", "bus": "i2c0", "period_ms": 2000}]
    port.heap_free = lambda: 2048 + RESERVE - 1
    Station(port, config(sensors=sensors, time={"interval_s": 0}), 7, "power-on").run()
    return port


def test_without_memory_for_a_copy_it_is_sent_from_where_it_is():
    port = without_memory(6500, (3000, ask("a1")))
    whole(answers(port))
    assert not [one for one in readings(port) if "disturbed" in one.get("quality", ())]


def test_without_memory_for_a_copy_it_is_held_until_the_next_window():
    port = without_memory(9000, (3000, ask("a1")), (6500, ask("a1", [1])))
    assert len(answers(port)) == 6
    assert answers(port)[-1].why == "it is not held any more; ask for a new one"
