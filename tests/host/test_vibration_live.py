"""`floorsense vibration --live`: readings with their zones as they come, and how it ends."""

import io
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.publish as publish
import pytest
from rich.console import Console

from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import DISTURBED, FAULT, Reading
from floorsense.broker import LocalBroker
from floorsense.cli import main
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.vibration.live import MAX_WAITING, Live

TOPIC = "factory/floor-2/machine-42/vibration"
KIND = quantity("vibration")
TS = 1706900000125


def payload(velocity: float | None, flags: int = 0, **features: float) -> bytes:
    rows = {name: decimals for name, _unit, decimals in KIND.features}
    steps = [round(features[name] * 10**decimals) if name in features else None for name, decimals in rows.items()]
    value = None if velocity is None else KIND.steps(velocity)
    reason = "adxl345@spi0: no answer" if velocity is None else None
    return encode(Reading(KIND, value, TS, flags, reason, steps if features else None, 12, 345))


def hear(live: Live, *payloads: bytes, topic: str = TOPIC) -> None:
    for one in payloads:
        live.message(topic, one, 1, False, False, time.time() * 1000)


def shown(live: Live, width: int = 200) -> str:
    screen = io.StringIO()
    Console(file=screen, width=width).print(live.table(width))
    return screen.getvalue()


@pytest.mark.parametrize(
    ("velocity", "group", "support", "zone"),
    [
        (1.4, 2, "rigid", "A"),
        (1.401, 2, "rigid", "B"),
        (4.501, 2, "rigid", "D"),
        (4.5, 1, "rigid", "B"),
        (11.001, 1, "flexible", "D"),
    ],
)
def test_T52_each_reading_has_its_zone_by_group_and_support(velocity: float, group: int, support: str, zone: str) -> None:
    live = Live(group, support)
    hear(live, payload(velocity))
    assert [one.zone for one in live.take()] == [zone]


def test_a_reading_is_a_document_with_its_identity_and_features() -> None:
    live = Live(2, "rigid")
    hear(live, payload(3.25, DISTURBED, rms=0.5, kurtosis=4.2, bpfo=31.4))
    [one] = live.take()
    assert one.document() == {
        "topic": TOPIC,
        "ts": TS / 1000,
        "velocity_mm_s": 3.25,
        "zone": "C",
        "boot": 12,
        "seq": 345,
        "quality": ["disturbed"],
        "features": {"rms": 0.5, "kurtosis": 4.2, "bpfo": 31.4},
    }
    assert one.line() == f"{TOPIC}: 3.250 mm/s, zone C, rms 0.5 g, kurtosis 4.2, BPFO 31.4x, disturbed"


def test_a_sensor_that_fails_has_neither_value_nor_zone() -> None:
    live = Live(2, "rigid")
    hear(live, payload(None, FAULT))
    [one] = live.take()
    assert one.document()["zone"] is None
    assert one.line() == f"{TOPIC}: no value: adxl345@spi0: no answer"
    assert "no answer" in shown(live)


def test_the_table_has_the_newest_of_each_topic_and_the_greatest_line() -> None:
    live = Live(2, "rigid")
    hear(live, payload(1.0), payload(5.0, bpfo=2.0, bpfi=63.5))
    hear(live, payload(2.0), topic="factory/floor-2/[red]/vibration.gearbox")
    text = shown(live)
    assert "5.000" in text and "1.000" not in text
    assert "BPFI 64x" in text
    assert "factory/floor-2/[red].gearbox" in text
    # On a narrow terminal it is the numbers that stay whole.
    narrow = shown(live, 72)
    assert "5.000" in narrow and "BPFI 64x" in narrow and "crest" not in narrow
    assert max(len(line) for line in narrow.splitlines()) <= 72


def test_what_is_no_reading_is_counted_and_what_is_no_vibration_passed_by() -> None:
    live = Live(2, "rigid")
    hear(live, b"", b"[" * 5000, b'{"value":1}', b"\xff")
    hear(live, b'{"value":1,"unit":"C","ts":1}', topic="factory/floor-2/machine-42/temperature")
    assert (live.unreadable, live.count) == (4, 0)
    assert live.fault is not None and "\n" not in live.fault
    assert "no reading of vibration came yet" in shown(live)


def test_what_nobody_takes_has_a_bound() -> None:
    live = Live(2, "rigid")
    hear(live, *[payload(1.0)] * (MAX_WAITING + 5))
    assert len(live.take()) == MAX_WAITING


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "give a FILE, or --live TOPIC"),
        (["--live", TOPIC], "--live: is heard at a broker; give --broker mqtt://HOST"),
        (["--live", "a/#/b", "--broker", "mqtt://h"], "--live 'a/#/b': '#' stands alone"),
        (["x.wav", "--live", TOPIC, "--broker", "mqtt://h"], "FILE: does not go with --live"),
        (["--live", TOPIC, "--broker", "mqtt://h", "--rpm", "1500"], "--rpm: does not go with --live"),
        (["x.wav", "--seconds", "3"], "--seconds: goes with --live TOPIC"),
        (["x.wav", "--rpm", "0"], "Invalid value for '--rpm'"),
        (["nowhere.wav"], "nowhere.wav: No such file or directory; give the path of a recording"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["vibration", *arguments])
    err = capsys.readouterr().err
    assert ended.value.code == 2
    assert err.startswith("error: ") and text in err and err.count("\n") == 1


def test_the_catalogue_can_be_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["vibration", "--bearing", "list", "--json"])
    assert ended.value.code == 0
    # As the test rigs' owners publish them.
    found = json.loads(capsys.readouterr().out)
    assert found["6205"] == {"bpfo": 3.585, "bpfi": 5.415, "bsf": 2.357, "ftf": 0.398}
    assert found["UER204"]["bpfo"] == 3.083
    assert found["NICE"]["bpfo"] == 3.245


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalBroker]:
    if find_mosquitto() is None:
        pytest.skip("no Mosquitto on this machine")
    with LocalBroker(tmp_path_factory.mktemp("live")) as running:
        yield running


def start(broker: LocalBroker, *more: str, **how: int) -> "subprocess.Popen[str]":
    url = f"mqtt://{broker.url.host}:{broker.url.port}"
    words = [sys.executable, "-m", "floorsense", "vibration", "--live", "factory/+/+/vibration", "--broker", url, *more]
    return subprocess.Popen(words, text=True, **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | how))  # type: ignore[call-overload, no-any-return]


def say(broker: LocalBroker, *payloads: bytes) -> None:
    for one in payloads:
        publish.single(TOPIC, one, 1, hostname=broker.url.host, port=broker.url.port)


def test_a_line_of_JSON_a_reading_until_Ctrl_C(broker: LocalBroker) -> None:
    watching = start(broker, "--json")
    assert watching.stdout is not None
    # Until it hears, nobody knows when that is.
    for _ in range(60):
        say(broker, payload(2.0, rms=0.1))
        if watching.poll() is not None or _ready(watching):
            break
    first = json.loads(watching.stdout.readline())
    assert (first["topic"], first["velocity_mm_s"], first["zone"]) == (TOPIC, 2.0, "B")
    watching.send_signal(signal.SIGINT)
    _out, err = watching.communicate(timeout=20)
    assert (watching.returncode, err) == (0, "")


def test_a_table_on_a_terminal_until_Ctrl_C(broker: LocalBroker) -> None:
    ours, theirs = pty.openpty()
    watching = start(broker, stdout=theirs)
    os.close(theirs)
    seen = b""
    os.set_blocking(ours, False)
    end = time.monotonic() + 30
    while b"7.125" not in seen and time.monotonic() < end:
        say(broker, payload(7.125))
        try:
            seen += os.read(ours, 65536)
        except BlockingIOError:
            time.sleep(0.2)
    assert b"7.125" in seen
    watching.send_signal(signal.SIGINT)
    assert watching.wait(20) == 0
    os.close(ours)


def test_nothing_in_the_time_given_is_said(broker: LocalBroker) -> None:
    watching = start(broker, "--seconds", "0.5")
    _out, err = watching.communicate(timeout=20)
    assert watching.returncode == 1
    assert err == "nothing: no reading of vibration came on factory/+/+/vibration in 0.5 s\n"


def _ready(watching: "subprocess.Popen[str]") -> bool:
    import select

    assert watching.stdout is not None
    return bool(select.select([watching.stdout], [], [], 0.5)[0])


def test_a_recording_that_was_captured_says_which_reading_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np

    from floorsense.vibration.recording import save

    x = (256 + 128 * np.sin(2 * np.pi * 100 * np.arange(4096) / 3200)).astype(np.int16)
    wav, _npy, _json = save(tmp_path / "machine-42", x, 3200.0, 1 / 256, {"machine": "factory/floor-2/machine-42"})
    with pytest.raises(SystemExit):
        main(["vibration", str(wav), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["velocity_mm_s"] == pytest.approx(0.5 * 11.036, rel=0.01)
