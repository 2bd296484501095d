"""`floorsense bench` with faults of the boards' power and flash: what was lost is what docs/store.md lets go."""

import json
import subprocess
import sys

import pytest


def bench(*options: str) -> tuple[int, dict[str, object]]:
    command = [sys.executable, "-m", "floorsense", "bench", "--boards", "2", "--json", *options]
    done = subprocess.run(command, capture_output=True, timeout=100, check=False)
    assert done.stdout, done.stderr.decode()
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(120)
def test_T28_what_was_flushed_in_an_outage_outlives_a_power_cut() -> None:
    code, said = bench("--seconds", "24", "--fault", "broker-down@3:13", "--fault", "power-cut@11:1")
    assert code == 0, said["findings"]
    assert said["lost"] == 0
    (cut,) = [one for one in said["faults"] if one["kind"] == "power-cut"]  # type: ignore[attr-defined]
    assert 0 <= cut["taken_ms"] <= 6000
    # What it took are two boards' three quantities, one a second, of that time.
    assert cut["taken"] <= 6 * (1 + cut["taken_ms"] / 1000)
    assert (cut["taken"] > 0) == (cut["taken_ms"] >= 1000)


@pytest.mark.timeout(120)
def test_T29_what_a_full_flash_and_a_full_ram_take_is_counted_and_nothing_else_is_missing() -> None:
    code, said = bench("--seconds", "28", "--fault", "broker-down@2:19", "--fault", "flash-full@1:21")
    assert code == 0, said["findings"]
    # 19 s of three readings a second, of which 40 wait in RAM.
    assert 0 < said["lost"] == said["given_up"]  # type: ignore[operator]
    told = [one["text"] for one in said["findings"] if one["kind"] == "dropped"]  # type: ignore[attr-defined]
    assert len(told) == 6 and all("the board gave up" in one and "dated" in one for one in told)


@pytest.mark.timeout(150)
def test_a_storage_that_was_away_while_the_broker_was_killed_gets_everything() -> None:
    code, said = bench("--seconds", "42", "--fault", "storage-away@3:8", "--fault", "broker-kill@8:2")
    assert code == 0, said["findings"]
    texts = [one["text"] for one in said["findings"] if one["kind"] == "storage"]  # type: ignore[attr-defined]
    assert texts == ["the storage has every reading up to the newest of each board"]
    # It was not there at first: what the broker had taken for it came again.
    assert said["repeated"]
