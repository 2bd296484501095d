"""Every fault that the bench can be given, survived by the real firmware in the real MicroPython, at the real Mosquitto.

The runs go side by side, each a bench of its own as its user starts it; a test reads what its run reported.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from floorsense.toolchain.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")

BENCH = [sys.executable, "-m", "floorsense", "bench", "--json", "--boards", "2"]
# The connections of that moment die, and new ones are served at once: what it takes is what it takes to notice.
DEAD_FOR_GOOD = "half-open@8"
MIXED = "temperature=1,pressure=1,humidity=2"
# Each fault, and for how many seconds the bench runs. By the time that delivery has to resume, all benches have started.
RUNS = {
    "broker-down": (["broker-down@5:5"], 14),
    "broker-kill": (["broker-kill@5:1", "broker-kill@9:1"], 14),
    "reset": (["reset@5", "reset@8", "reset@11"], 14),
    "blackhole": (["blackhole@1:8"], 14),
    "half-open": (["half-open@1:5", "half-open@8"], 15),
    "truncate": (["truncate@1", "truncate@4:3"], 14),
    "loss-of-acks": (["loss-of-acks@1:3"], 14),
    "delay": (["delay@1:4"], 9),
    "duplicate-id": (["duplicate-id@1:6"], 14),
    "tls-expired": (["tls-expired@2:4"], 12),
}


class Run:
    """A bench under way."""

    def __init__(self, faults: list[str], seconds: int) -> None:
        # A reading at QoS 2 that waits for a lost PUBREC comes after later ones: its own test, in tests/host.
        qos = "1" if faults[0].startswith("loss-of-acks") else MIXED
        command = [*BENCH, "--seconds", str(seconds), "--qos", qos]
        for one in faults:
            command += ["--fault", one]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._report: dict[str, Any] = {}

    def report(self) -> dict[str, Any]:
        if not self._report:
            said, errors = self._process.communicate(timeout=55)
            assert said, errors
            self._report = json.loads(said)
            self._report["exit_code"] = self._process.returncode
            self._report["told"] = errors
        return self._report

    def end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="module")
def runs() -> Iterator[dict[str, Run]]:
    found = {name: Run(faults, seconds) for name, (faults, seconds) in RUNS.items()}
    yield found
    for one in found.values():
        one.end()


@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_lost_nothing_is_out_of_order_and_delivery_resumes(runs: dict[str, Run], name: str) -> None:
    report = runs[name].report()
    assert report["lost"] == report["disordered"] == report["lost_by_broker"] == 0, report["findings"]
    # Nor anything else that the verdict knows: a repetition at QoS 2, a reading left behind, a board that fell.
    assert report["ok"] and report["exit_code"] == 0, report["findings"]
    assert [one["fault"] for one in report["faults"]] == RUNS[name][0]
    for one in report["faults"]:
        assert set(one["resumed_ms"]) == {"factory/floor-1/machine-1", "factory/floor-1/machine-2"}
        assert one["worst_ms"] is not None
        assert one["error"] is None


@pytest.mark.parametrize("name", ["broker-down", "broker-kill", "blackhole", "half-open", "tls-expired"])
def test_delivery_resumes_within_a_second_of_the_brokers_return(runs: dict[str, Run], name: str) -> None:
    """However long it was away: the wait before a try is at most the last window, 0.7 s on a bench."""
    for one in runs[name].report()["faults"]:
        if one["fault"] != DEAD_FOR_GOOD:
            assert one["worst_ms"] <= 1000, one


def test_delivery_resumes_within_5_s_of_a_half_open_links_end(runs: dict[str, Run]) -> None:
    """Two fifths of the keep-alive of 10 s until the board knows that it is dead, and a window."""
    (one,) = (one for one in runs["half-open"].report()["faults"] if one["fault"] == DEAD_FOR_GOOD)
    assert 2500 <= one["worst_ms"] <= 5000, one


def test_a_board_that_its_broker_dropped_rests_a_second_and_is_back_within_another(runs: dict[str, Run]) -> None:
    """The floor after a broker that had accepted it, and then a window: not for want of a broker, so not within the second."""
    for one in runs["reset"].report()["faults"]:
        # A tenth less: the bench notes the end of the fault when the connections are reset already.
        assert min(one["resumed_ms"].values()) >= 900, one
        assert one["worst_ms"] <= 2000, one


def test_a_link_that_is_quick_again_delivers_with_the_next_readings(runs: dict[str, Run]) -> None:
    (one,) = runs["delay"].report()["faults"]
    assert one["worst_ms"] <= 1500, one


@pytest.mark.parametrize(
    "name", ["reset", "half-open", "truncate", "broker-down", "broker-kill", "duplicate-id", "tls-expired"]
)
def test_the_fault_was_felt(runs: dict[str, Run], name: str) -> None:
    """A fault that nobody noticed proves nothing."""
    for one in runs[name].report()["faults"]:
        assert min(one["reconnects"].values()) >= 1


@pytest.mark.parametrize("name", ["blackhole", "delay", "half-open", "tls-expired"])
def test_readings_waited_for_as_long_as_it_lasted(runs: dict[str, Run], name: str) -> None:
    longest = {"blackhole": 5000, "delay": 400, "half-open": 3500, "tls-expired": 3000}[name]
    assert runs[name].report()["latency_ms"]["max"] >= longest


def test_lost_acknowledgements_bring_the_readings_again_and_each_is_known_by_its_identity(runs: dict[str, Run]) -> None:
    report = runs["loss-of-acks"].report()
    assert report["repeated"] >= 4
    repeated = [one for one in report["findings"] if one["kind"] == "repeated"]
    assert all(one["boot"] == 1 and one["severity"] == "note" for one in repeated)


def test_T06_a_duplicate_client_id_makes_no_ping_pong(runs: dict[str, Run]) -> None:
    """The duplicate is back a second after it was thrown out; the board takes longer each time."""
    (one,) = runs["duplicate-id"].report()["faults"]
    assert max(one["reconnects"].values()) <= 6


def test_what_happens_is_told_as_it_happens(runs: dict[str, Run]) -> None:
    told = runs["broker-down"].report()["told"]
    assert "fault: broker-down@5:5 begins" in told
    assert "fault: broker-down@5:5 is over" in told


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--fault", "broker-dwn@5:5"], "--fault broker-dwn@5:5: unknown kind 'broker-dwn'; known are"),
        (["--seconds", "9", "--fault", "broker-down@5:5"], "and the bench ends after 9"),
        (["--broker", "mqtt://127.0.0.1:1", "--fault", "broker-down@5:5"], "only the bench's own broker"),
    ],
)
def test_a_fault_that_cannot_be_is_one_line_and_exit_code_2(arguments: list[str], text: str) -> None:
    done = subprocess.run([*BENCH, *arguments], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
