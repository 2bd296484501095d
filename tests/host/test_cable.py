"""What is plugged in: ports by USB ids, drives by INFO_UF2.TXT, and what answers there."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from esp32_rom import Esp32Rom
from floorsense.boards import load
from floorsense.cable import ports, volumes
from floorsense.cable.port import PortClosed, find_port, open_port
from floorsense.cable.repl import ask_runtime, repl
from floorsense.cable.survey import BOOTLOADER, CLOSED, SILENT, survey
from floorsense.cli import main
from floorsense.errors import BoardError, BoardUnreachable
from lines import Player, PtyLine, SocketLine
from prompt import Prompt

PICO_W = load("RPI_PICO_W").machine
Play = Callable[[Player], Any]


@pytest.fixture(autouse=True)
def nothing_else_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever hangs on the machine that runs the tests is left alone."""
    monkeypatch.setattr(ports.list_ports, "comports", list)
    monkeypatch.setattr(volumes, "_mount_points", list)
    monkeypatch.setattr(volumes, "_LABELS", Path("/nonexistent"))


def usb(device: str, vid: int | None, pid: int | None) -> SimpleNamespace:
    return SimpleNamespace(device=device, vid=vid, pid=pid, serial_number="E66", location="1-2")


def drive(folder: Path, board_id: str) -> Path:
    folder.mkdir()
    (folder / volumes.INFO).write_text(f"UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {board_id}\r\n")
    return folder


def test_ports_are_found_by_the_usb_ids_of_the_board_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [
        usb("/dev/ttyS0", None, None),
        usb("/dev/ttyACM1", 0x2E8A, 0x0005),
        usb("/dev/ttyUSB0", 0x10C4, 0xEA60),
        usb("/dev/ttyACM9", 0x1234, 0x5678),
    ]
    monkeypatch.setattr(ports.list_ports, "comports", lambda: there)
    found = {one.url: [board.name for board in one.boards] for one in ports.plugged()}
    assert found == {
        "/dev/ttyACM1": ["RPI_PICO2_W", "RPI_PICO_W"],
        "/dev/ttyUSB0": ["ESP32_GENERIC", "ESP32_GENERIC_C3", "ESP32_GENERIC_S3"],
    }


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("/dev/ttyNONE7", "there is no such port"),
        ("/etc/passwd", "that is no serial port"),
        ("socket://127.0.0.1:9", "nothing listens there"),
        ("carrier://pigeon", "invalid URL, protocol 'carrier' not known"),
    ],
)
def test_a_port_that_cannot_be_opened_says_why(url: str, reason: str) -> None:
    with pytest.raises(PortClosed) as error:
        open_port(url, 0.1)
    assert str(error.value).startswith(f"port {url}: {reason}")
    assert error.value.exit_code == 3


def test_a_port_that_another_program_holds_says_so(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W))
    held = open_port(board.url, 0.1)
    with pytest.raises(PortClosed, match="another program has it open"):
        ask_runtime(board.url)
    held.close()


@pytest.mark.parametrize("line", [PtyLine, SocketLine])
def test_micropython_says_its_version_and_its_machine(play: Play, line: Callable[[], Any]) -> None:
    board = play(Prompt(line(), PICO_W, version=(1, 27, 1)))
    found = ask_runtime(board.url)
    assert (found.name, found.version, found.machine, found.floornode) == ("micropython", "1.27.1", PICO_W, "")


def test_a_program_that_runs_is_stopped_for_the_question_and_started_again(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W, floornode="0.1.0", runs=True, chatter=b"[ 1.234] session: serve >>> up\r\n"))
    assert ask_runtime(board.url).floornode == "0.1.0"
    wait_for(lambda: board.runs)
    assert board.starts == 2


def test_a_prompt_that_waited_is_not_reset(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W))
    ask_runtime(board.url)
    assert ask_runtime(board.url).machine == PICO_W
    assert board.starts == 1


@pytest.mark.parametrize(
    ("drives", "said"),
    [(["RPI-RP2"], "the board is in its boot loader (RPI-RP2), without MicroPython: `floorsense flash`"), ([], "plug it in")],
)
def test_where_no_port_is_it_is_said_what_to_do(drives: list[str], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports.list_ports, "comports", list)
    monkeypatch.setattr(volumes, "mounted", lambda: [])
    monkeypatch.setattr(volumes, "unmounted", lambda: [(Path(name), load("RPI_PICO_W")) for name in drives])
    with pytest.raises(BoardUnreachable) as error:
        find_port()
    assert said in str(error.value)


def test_what_an_earlier_session_left_unread_is_no_sign_of_a_program(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W))
    board.line.write(b"MicroPython v1.28.0 on 2026-01-15; Raspberry Pi Pico W with RP2040\r\n>>> ")
    assert ask_runtime(board.url).machine == PICO_W
    assert board.starts == 1


def test_a_board_left_in_the_raw_prompt_still_answers(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W))
    port = open_port(board.url, 0.1)
    port.write(b"\x01import dead_")
    port.close()
    assert ask_runtime(board.url).machine == PICO_W


def test_what_the_board_raises_is_told_by_its_last_line(play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W))
    with (
        pytest.raises(BoardError, match=r"^/dev/\S+: the board raised ZeroDivisionError: division by zero$"),
        repl(board.url, 3) as prompt,
    ):
        prompt.run(b"1 / 0", 2)


def test_a_port_where_nothing_answers_is_told_in_time(play: Play) -> None:
    with pytest.raises(BoardUnreachable, match="no MicroPython answers"):
        ask_runtime(play(Esp32Rom(PtyLine(), deaf=True)).url, limit_s=0.3)


@pytest.mark.parametrize(("board_id", "board"), [("RPI-RP2", "RPI_PICO_W"), ("RP2350", "RPI_PICO2_W"), ("FEATHER", None)])
def test_a_drive_is_known_by_its_board_id(tmp_path: Path, board_id: str, board: str | None) -> None:
    found = volumes.read_volume(drive(tmp_path / "drive", board_id))
    assert (found.board_id, [one.name for one in found.boards]) == (board_id, [board] if board else [])


@pytest.mark.parametrize(("name", "reason"), [("empty", "has no INFO_UF2.TXT"), ("nowhere", "there is no such drive")])
def test_a_folder_that_is_no_drive_is_refused(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BoardUnreachable, match=f"^{tmp_path / name}: {reason}"):
        volumes.read_volume(tmp_path / name)


def test_mounted_drives_of_known_boards_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pico, other = drive(tmp_path / "one", "RPI-RP2"), drive(tmp_path / "two", "CAMERA")
    monkeypatch.setattr(volumes, "_mount_points", lambda: [pico, other, tmp_path / "gone"])
    assert [one.path for one in volumes.mounted()] == [pico]


def test_a_drive_that_nobody_mounted_is_seen_by_its_label(tmp_path: Path) -> None:
    (tmp_path / "RP2350").touch()
    assert [(path.name, board.name) for path, board in volumes.unmounted(labels=tmp_path)] == [("RP2350", "RPI_PICO2_W")]


def test_the_survey_tells_each_state_from_the_others(play: Play, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Boards of software share a processor with the tests, and may answer late.
    monkeypatch.setattr("esptool.loader.SYNC_TIMEOUT", 0.3)
    urls = [
        play(Esp32Rom(PtyLine(), "esp32")).url,
        play(Esp32Rom(PtyLine(), "esp32s3")).url,
        play(Esp32Rom(SocketLine(), "esp32c3")).url,
        play(Prompt(PtyLine(), PICO_W)).url,
        play(Prompt(PtyLine(), load("ESP32_GENERIC").machine, floornode="0.1.0", runs=True)).url,
        play(Prompt(PtyLine(), "Badge with RP2040")).url,
        play(Esp32Rom(PtyLine(), deaf=True)).url,
        "/dev/ttyNONE7",
    ]
    found = {one.where: one for one in survey(urls, [drive(tmp_path / "drive", "RPI-RP2")])}
    seen = [(found[url].state, found[url].board.name if found[url].board else None) for url in urls]
    assert seen == [
        (BOOTLOADER, "ESP32_GENERIC"),
        (BOOTLOADER, "ESP32_GENERIC_S3"),
        (BOOTLOADER, "ESP32_GENERIC_C3"),
        ("micropython", "RPI_PICO_W"),
        ("floornode", "ESP32_GENERIC"),
        ("micropython", None),
        (SILENT, None),
        (CLOSED, None),
    ]
    assert found[urls[5]].hint == "no board folder knows a Badge with RP2040"
    assert (found[str(tmp_path / "drive")].state, found[str(tmp_path / "drive")].board) == (BOOTLOADER, load("RPI_PICO_W"))


def boards(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["boards", *arguments])
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_the_command_says_that_nothing_is_plugged_in(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = boards(capsys)
    assert (code, out) == (1, "")
    assert "nothing is plugged in" in err


def test_the_command_prints_one_json_document(capsys: pytest.CaptureFixture[str], play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W, floornode="0.1.0", runs=True))
    code, out, _ = boards(capsys, "--json", "--port", board.url)
    (found,) = json.loads(out)["boards"]
    assert code == 0
    assert (found["state"], found["board"], found["version"], found["floornode"]) == (
        "floornode",
        "RPI_PICO_W",
        "1.28.0",
        "0.1.0",
    )


def test_the_command_shows_a_table(capsys: pytest.CaptureFixture[str], play: Play) -> None:
    board = play(Prompt(PtyLine(), PICO_W, floornode="0.1.0", runs=True))
    code, out, _ = boards(capsys, "--port", board.url, "--port", "/dev/ttyNONE7")
    assert code == 0
    said = [board.url, "RPI_PICO_W", "floornode", "floornode 0.1.0 on micropython 1.28.0"]
    assert out.splitlines()[1].rstrip().split(maxsplit=3) == said
    assert out.splitlines()[2].startswith("/dev/ttyNONE7")


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
