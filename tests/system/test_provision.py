"""A bare board on a cable becomes a station whose first reading was checked: real MicroPython, Mosquitto and LittleFS."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stations import QUIET, WAIT_S, WIFI_PASSWORD, firmware, firmware_files, station

from floornode import VERSION
from floorsense import boards
from floorsense.broker import LocalBroker
from floorsense.cable.survey import survey
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.paths import FIRMWARE
from floorsense.provisioning import firmware as bundles
from floorsense.provisioning.provisioning import provision
from floorsense.provisioning.witness import BoardLog, Witness
from floorsense.virtual import Faults, Flash, VirtualBoard
from floorsense.virtual.board import scene

PICO = boards.load("RPI_PICO_W")


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    with LocalBroker() as one:
        yield one


def provisioned(flash: Flash) -> dict[str, bytes]:
    """What is on the flash, but for what the board itself writes."""
    return {path: data for path, data in flash.files().items() if path not in ("/boot", "/settings.good.json")}


def in_folder(flash: Flash, name: str) -> dict[str, bytes]:
    return {path[3:]: data for path, data in flash.files().items() if path.startswith(f"/{name}/")}


@pytest.mark.parametrize("name", ["RPI_PICO_W", "ESP32_GENERIC"])
def test_a_bare_board_becomes_a_station_whose_first_reading_was_checked(
    name: str, plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in(boards.load(name))
    one = station(tmp_path, broker.url.port, name.lower(), name)
    outcome = provision(one, board.port, QUIET, wait_s=WAIT_S)
    assert outcome.first and (outcome.first.boot, outcome.first.seq) == (1, 0)
    assert "temperature 24." in outcome.first.shown
    board.unplug()
    files = board.flash.files()
    assert in_folder(board.flash, "a") == firmware_files()
    assert files["/main.py"] == (FIRMWARE / "launcher.py").read_bytes()
    assert files["/settings.json"].decode() == one.settings.reveal()
    assert [path for path in files if path.endswith(".new")] == []


def test_T67_provisioning_twice_changes_nothing_and_says_so(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port)
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    before = provisioned(board.flash)
    outcome = provision(one, board.port, QUIET, wait_s=WAIT_S)
    assert (outcome.changes, outcome.bytes_written) == ([], 0)
    assert outcome.first and outcome.first.boot == 2
    assert provisioned(board.flash) == before


def test_T67_no_secret_is_in_what_is_said_nor_in_the_list_of_processes(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, broker.url.port)
    command = [sys.executable, "-m", "floorsense", "provision", str(one.path), "--port", plug_in().port]
    listed = b""
    with (tmp_path / "said").open("w+b") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said)
        while process.poll() is None:
            listed += b"".join(words_of(path) for path in Path("/proc").glob("[0-9]*/cmdline"))
            time.sleep(0.05)
        said.seek(0)
        text = said.read()
    assert process.returncode == 0, text.decode()
    assert b"first reading after" in text
    assert b"provision" in listed or sys.platform != "linux"
    assert WIFI_PASSWORD.encode() not in text + listed
    holders = {path.name for path in tmp_path.rglob("*") if path.is_file() and WIFI_PASSWORD.encode() in path.read_bytes()}
    # Where it came from, and the board.
    assert holders == {"wifi.secret", "flash.img"}


@pytest.mark.parametrize("words", [[], ["--json"], ["--dry-run", "--json"]], ids=["plain", "json", "dry run"])
def test_T67_no_secret_is_in_what_a_failure_says(
    words: list[str], plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    """The board loses bytes of what it is told, the settings among it, and every trace is asked for."""
    path = station(tmp_path, broker.url.port, "garbled").path
    path.write_text(path.read_text().replace("[broker]", '[broker]\nuser = "garbled"'))
    secrets = {"FLOORSENSE_WIFI_PASSWORD": "hunter3-wifi-secret", "FLOORSENSE_BOARD_PASSWORD": "hunter4-board-secret"}
    board = plug_in(faults=Faults(drop_every=997))
    command = [sys.executable, "-m", "floorsense", "provision", str(path), "--port", board.port, "--no-check", *words]
    environment = {**os.environ, **secrets, "FLOORSENSE_DEBUG": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    assert done.returncode != 0 or "--dry-run" in words, done.stdout
    assert not [text for text in secrets.values() if text in done.stdout + done.stderr]


def words_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    outcome = provision(station(tmp_path, broker.url.port), board.port, QUIET, dry_run=True, wait_s=0)
    assert len(outcome.changes) == 3 and "firmware (new, in /a)" in outcome.changes[0]
    assert board.flash.files() == {}


def test_only_the_settings_are_written_when_only_they_differ(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    provision(station(tmp_path, broker.url.port), board.port, QUIET, wait_s=WAIT_S)
    outcome = provision(station(tmp_path, broker.url.port, more="qos = 2\n"), board.port, QUIET, wait_s=WAIT_S)
    assert outcome.changes == ["/settings.json to write"]
    assert outcome.bytes_written < 1000 and outcome.first


def test_an_update_goes_beside_the_firmware_that_runs_and_is_confirmed_by_a_delivered_reading(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port)
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    newer = firmware(tmp_path, "0.2.0")
    outcome = provision(one, board.port, QUIET, wait_s=WAIT_S, source=newer)
    assert "firmware (on trial, in /b)" in outcome.changes[0] and outcome.first
    # One module says the version: only that one came over the cable.
    assert outcome.bytes_written < 8000 < outcome.bytes_reused
    until(lambda: "/trial" not in board.flash.files())
    board.unplug()
    files = board.flash.files()
    assert files["/slot"] == b"b\n"
    assert in_folder(board.flash, "a") == firmware_files() and in_folder(board.flash, "b") == firmware_files("x64", newer)


BROKEN = {
    "raises when it is imported": {"station": ("LONGEST_WAIT = 1000", 'raise ValueError("no good")')},
    "runs out of memory": {"station": ("LONGEST_WAIT = 1000", "LONGEST_WAIT = bytearray(10000000)")},
    "refuses its settings": {"start": ("    config, fault = _provisioned()", "    sys.exit(2)")},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN.keys())
def test_T68_a_firmware_that_does_not_come_up_gives_way_to_the_one_before(
    change: dict[str, tuple[str, str]], plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port)
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    bad = firmware(tmp_path, "0.2.0", **change)
    with pytest.raises(BoardError, match=r"did not come up.*floornode 0.1.0, which ran before, is back"):
        provision(one, board.port, QUIET, wait_s=WAIT_S, source=bad)
    until(lambda: board.flash.files()["/boot"] != b"1\n")
    board.unplug()
    assert board.flash.files()["/slot"] == b"a\n"
    assert "/trial" not in board.flash.files()
    again = provision(one, plug_in().port, QUIET, wait_s=WAIT_S)
    assert again.changes == [] and again.first


def test_T68_a_firmware_that_runs_and_gets_nothing_through_gives_way_too(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port)
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    mute = firmware(tmp_path, "0.2.0", station=("self.port.dial(broker.host, broker.port,", "self.port.dial(broker.host, 1,"))
    with pytest.raises(BoardError, match=r"no reading .* came within 2 s.*floornode 0.1.0, which ran before, is back"):
        provision(one, board.port, QUIET, wait_s=2, source=mute)
    assert provision(one, board.port, QUIET, wait_s=WAIT_S).changes == []


def test_T69_a_board_with_newer_firmware_than_the_host_is_left_alone_unless_asked(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port)
    provision(one, board.port, QUIET, wait_s=0, source=firmware(tmp_path, "9.0.0"))
    before = provisioned(board.flash)
    with pytest.raises(UsageError, match=rf"runs floornode 9\.0\.0, this floorsense brings {VERSION}: update floorsense"):
        provision(one, board.port, QUIET, wait_s=0)
    assert provisioned(board.flash) == before
    assert provision(one, board.port, QUIET, wait_s=WAIT_S, downgrade=True).first


def test_T69_a_board_that_takes_other_mpy_files_is_refused(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "emitted_format", lambda: (7, 0))
    with pytest.raises(BoardError, match=r"takes .mpy files of format 6\.3, and mpy-cross here makes 7\.0"):
        provision(station(tmp_path, broker.url.port), plug_in().port, QUIET, wait_s=0)


def test_a_MicroPython_that_is_too_old_is_refused(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundles, "OLDEST", (9, 9))
    with pytest.raises(BoardError, match=r"MicroPython 1\.\d+\.\d+ is too old, 9\.9 is the least; flash it"):
        provision(station(tmp_path, broker.url.port), plug_in().port, QUIET, wait_s=0)


def test_another_board_than_the_station_names_is_refused(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in(boards.load("ESP32_GENERIC"))
    with pytest.raises(BoardError, match=r"the board is ESP32_GENERIC, and .*toml says RPI_PICO_W"):
        provision(station(tmp_path, broker.url.port), board.port, QUIET, wait_s=0)
    assert board.flash.files() == {}


def test_a_station_that_runs_goes_on_after_a_refusal(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port, "goes-on")
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    with pytest.raises(BoardError, match="the board is RPI_PICO_W"):
        provision(station(tmp_path, broker.url.port, "another", "ESP32_GENERIC"), board.port, QUIET, wait_s=0)
    with Witness(broker.url, one.name, None) as witness, BoardLog(board.port, lambda _line: None) as log:
        witness.expect(1)
        assert witness.wait(WAIT_S, log, VERSION).boot == 2


def test_a_station_that_runs_goes_on_after_it_was_asked_what_it_is(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in()
    one = station(tmp_path, broker.url.port, "asked")
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    with Witness(broker.url, one.name, None) as witness:
        witness.expect(1)
        seen = survey([board.port])[0]
        assert (seen.state, seen.runtime and seen.runtime.floornode) == ("floornode", VERSION)
        with BoardLog(board.port, lambda _line: None) as log:
            assert witness.wait(WAIT_S, log, VERSION).boot == 2


def test_a_replaced_board_goes_on_where_the_broken_one_was(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, broker.url.port, "machine-43")
    board = plug_in()
    for _ in range(3):
        provision(one, board.port, QUIET, wait_s=WAIT_S)
    board.unplug()
    outcome = provision(one, plug_in(name="another").port, QUIET, wait_s=WAIT_S)
    assert "/boot to raise to 3, which this machine's board had reached" in outcome.changes
    assert outcome.first and outcome.first.boot == 4


def test_a_full_flash_is_said_before_anything_is_copied(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in(size=96 * 1024)
    with pytest.raises(BoardError, match=r"its flash is full: the firmware needs \d+ KB, and \d+ KB are free"):
        provision(station(tmp_path, broker.url.port), board.port, QUIET, wait_s=0)
    assert board.flash.files() == {}


def test_a_port_without_a_board_says_what_to_do(broker: LocalBroker, tmp_path: Path) -> None:
    with pytest.raises(BoardUnreachable, match="there is no such port; is the board plugged in"):
        provision(station(tmp_path, broker.url.port), "/dev/no-such-port", QUIET, wait_s=0)


def radio(**wifi: Any) -> dict[str, Any]:
    return {**scene(PICO), "wifi": {"ssid": "plant", "password": "hunter2-wifi-secret", "join_ms": 50, **wifi}}


REASONS = {
    "a wrong password": (radio(password="another-password"), "wrong Wi-Fi password for 'plant'"),
    "no access point": (radio(ssid="elsewhere"), "no access point 'plant' in reach"),
    "no sensor": ({**scene(PICO), "i2c": {}}, r"bme280@0x76.*wiring"),
}


@pytest.mark.parametrize(("simulation", "said"), REASONS.values(), ids=REASONS.keys())
def test_T11_why_no_reading_came_is_said(
    simulation: dict[str, Any], said: str, plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    board = plug_in(simulation=simulation)
    with pytest.raises(BoardError, match=said):
        provision(station(tmp_path, broker.url.port, "reason"), board.port, QUIET, wait_s=4)


def test_a_broker_that_only_we_can_reach_is_told_from_the_board(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, 1, "lonely")
    with pytest.raises(BoardError, match=r"127\.0\.0\.1 refused the connection; .*\(.*no broker listens on that port"):
        provision(one, plug_in().port, QUIET, wait_s=3, broker=(broker.url, None))


def test_a_station_that_runs_is_stopped_however_long_it_sat_there(
    plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    """Its watchdog would bite in the middle of the next provisioning, were it not stopped as well."""
    board = plug_in()
    one = station(tmp_path, broker.url.port, "watched")
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    provision(one, board.port, QUIET, wait_s=WAIT_S)
    assert "watchdog" not in board.resets


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not is_so() and time.monotonic() < end:
        time.sleep(0.05)
    assert is_so()
