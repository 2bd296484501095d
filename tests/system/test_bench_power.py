"""`floorsense bench` with faults of the boards' power and flash: what was lost is what docs/store.md lets go.

The benches run side by side, for most of what they do is wait; a test reads what its own reported.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Report = Callable[[str], tuple[int, dict[str, Any]]]

RUNS = {
    "power-cut": ["--seconds", "24", "--fault", "broker-down@3:13", "--fault", "power-cut@11:1"],
    "flash-full": ["--seconds", "28", "--fault", "broker-down@2:19", "--fault", "flash-full@1:21"],
    "storage-away": ["--seconds", "42", "--fault", "storage-away@3:8", "--fault", "broker-kill@8:2"],
}


@pytest.fixture(scope="module")
def bench() -> Iterator[Report]:
    """The exit code and the report of one of RUNS."""
    command = [sys.executable, "-m", "floorsense", "bench", "--boards", "2", "--json"]
    running = {
        name: subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name, options in RUNS.items()
    }

    def report(name: str) -> tuple[int, dict[str, Any]]:
        said, errors = running[name].communicate(timeout=100)
        assert said, errors.decode()
        return running[name].returncode, json.loads(said)

    yield report
    for one in running.values():
        one.kill()
        one.communicate()


@pytest.mark.timeout(120)
def test_T28_what_was_flushed_in_an_outage_outlives_a_power_cut(bench: Report) -> None:
    code, said = bench("power-cut")
    assert code == 0, said["findings"]
    assert said["lost"] == 0
    (cut,) = [one for one in said["faults"] if one["kind"] == "power-cut"]
    assert 0 <= cut["taken_ms"] <= 6000
    # What it took are two boards' three quantities, one a second, of that time.
    assert cut["taken"] <= 6 * (1 + cut["taken_ms"] / 1000)
    assert (cut["taken"] > 0) == (cut["taken_ms"] >= 1000)


@pytest.mark.timeout(120)
def test_T29_what_a_full_flash_and_a_full_ram_take_is_counted_and_nothing_else_is_missing(bench: Report) -> None:
    code, said = bench("flash-full")
    assert code == 0, said["findings"]
    # 19 s of three readings a second, of which 40 wait in RAM.
    assert 0 < said["lost"] == said["given_up"]
    told = [one["text"] for one in said["findings"] if one["kind"] == "dropped"]
    assert len(told) == 6 and all("the board gave up" in one and "dated" in one for one in told)


@pytest.mark.timeout(150)
def test_a_storage_that_was_away_while_the_broker_was_killed_gets_everything(bench: Report) -> None:
    code, said = bench("storage-away")
    assert code == 0, said["findings"]
    texts = [one["text"] for one in said["findings"] if one["kind"] == "storage"]
    assert texts == ["the storage has every reading up to the newest of each board"]
    # It was not there at first: what the broker had taken for it came again.
    assert said["repeated"]
