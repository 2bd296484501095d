"""The session's speed and heap, side by side with umqtt.simple and mosquitto_pub in one run. Figures are printed (`-s`);
asserted are ratios with wide room. FLOORSENSE_READINGS names how many readings a run has, 5,000 where it does not.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from floorsense.bench.link import Link
from floorsense.broker import LocalBroker
from floorsense.toolchain.micropython import find_micropython, micropath

BOARD = Path(__file__).with_name("speed_board.py")
COUNT = int(os.environ.get("FLOORSENSE_READINGS", "5000"))
TOPIC = "factory/floor-2/machine-42/temperature"
TEXT = '{"value":21.37,"unit":"C","ts":1706900000.125,"boot":7,"seq":123456}'
FAR_S = 0.05


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    with LocalBroker(tmp_path_factory.mktemp("broker")) as running:
        yield running.url.host, running.url.port


def run(where: tuple[str, int], what: str, count: int) -> tuple[float, int, int]:
    """Messages a second, heap held and heap growth in bytes."""
    environment = {**os.environ, "MICROPYPATH": micropath(compiled=True)}
    command = [str(find_micropython()), str(BOARD), where[0], str(where[1]), what, str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    rate, held, grown = done.stdout.split()
    print(f"{what}: {float(rate):,.0f} a second" + (f", {held} bytes held, {grown} grown" if what.startswith("ours") else ""))
    return float(rate), int(held), int(grown)


def pub(where: tuple[str, int], count: int) -> float:
    """What mosquitto_pub -q 1 -l sends in a second."""
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("mosquitto_pub is not here to be compared with")
    command = [program, "-h", where[0], "-p", str(where[1]), "-q", "1", "-t", TOPIC, "-l"]
    lines = (TEXT + "\n") * count
    began = time.monotonic()
    subprocess.run(command, input=lines, text=True, capture_output=True, timeout=110, check=True)
    rate = count / (time.monotonic() - began)
    print(f"mosquitto_pub -q 1 -l: {rate:,.0f} a second")
    return rate


def test_QoS_1_is_in_the_class_of_mosquitto_pub(broker: tuple[str, int]) -> None:
    theirs = pub(broker, COUNT)
    ours, _held, _grown = run(broker, "ours-1", COUNT)
    print(f"QoS 1, window 10, loopback: {ours / theirs:.2f} of mosquitto_pub")
    assert ours > 0.3 * theirs


def test_QoS_2_is_no_slower_than_its_packets(broker: tuple[str, int]) -> None:
    one, two = run(broker, "ours-1", COUNT)[0], run(broker, "ours-2", COUNT)[0]
    print(f"QoS 2: {two / one:.2f} of QoS 1")
    assert two > 0.25 * one


def test_QoS_0_is_held_against_bare_umqtt(broker: tuple[str, int]) -> None:
    bare, ours = run(broker, "bare-0", 2 * COUNT)[0], run(broker, "ours-0", 2 * COUNT)[0]
    print(f"QoS 0: {ours / bare:.2f} of bare umqtt.simple")
    assert ours > 0.1 * bare


def test_at_100_ms_the_window_is_what_counts(broker: tuple[str, int]) -> None:
    with Link(broker) as link:
        link.delay(FAR_S)
        where = link.address
        bare, ours = run(where, "bare-1", 20)[0], run(where, "ours-1", 300)[0]
    print(f"QoS 1, window 10, 100 ms: {ours / bare:.1f} times umqtt.simple")
    assert ours > 7 * bare


def test_the_heap_of_a_full_window_is_bounded_and_does_not_grow(broker: tuple[str, int]) -> None:
    _rate, held, grown = run(broker, "ours-1", max(COUNT, 20000))
    print(f"umqtt and floornode/mqtt, connected, window full: {held / 1024:.1f} KB; grown {grown} bytes")
    assert held <= 48 * 1024
    assert grown <= 512
