"""The virtual board: the real mpremote and littlefs-python find a board there, resets, power cuts and faults included."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from floorsense import boards
from floorsense.virtual import Faults, VirtualBoard

PICO = boards.load("RPI_PICO_W")
LIMIT_S = 20


def mpremote(board: VirtualBoard, *words: str) -> str:
    command = [sys.executable, "-m", "mpremote", "connect", board.port, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    return done.stdout + done.stderr


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
    assert is_so()


def write_file(board: VirtualBoard, name: str, text: str) -> None:
    mpremote(board, "exec", f"with open({name!r}, 'w') as f: f.write({text!r})")


def heard(board: VirtualBoard, typed: str, until: bytes) -> bytes:
    """What it says once ``typed`` was typed at its prompt."""
    said = b""
    with serial.Serial(board.port, timeout=0.1) as port:
        port.write(typed.encode())
        end = time.monotonic() + LIMIT_S
        while until not in said and time.monotonic() < end:
            said += port.read(4096)
    return said


def test_mpremote_copies_a_file_and_littlefs_python_reads_it(plug_in: Callable[..., VirtualBoard], tmp_path: Path) -> None:
    data = bytes(range(256)) * 20
    (tmp_path / "all.bin").write_bytes(data)
    board = plug_in()
    mpremote(board, "fs", "cp", str(tmp_path / "all.bin"), ":all.bin")
    assert board.flash.files() == {"/all.bin": data}


def test_it_says_what_it_plays_and_has_that_boards_heap_and_hardware(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(boards.load("ESP32_GENERIC"))
    code = "import sys, gc, machine; print(sys.implementation._machine, gc.mem_free() + gc.mem_alloc(), machine.I2C(0))"
    machine, heap, bus = mpremote(board, "exec", code).rsplit(maxsplit=2)
    assert machine == "Generic ESP32 module with ESP32"
    assert 200 * 1024 < int(heap) < 280 * 1024
    assert bus == "I2C(0)"


def test_boot_and_main_run_at_each_start_and_main_not_in_the_raw_repl(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in()
    write_file(board, "boot.py", "print('booting')")
    write_file(board, "main.py", "import machine; print('running', machine.reset_cause())")
    said = heard(board, "import machine; machine.reset()\r", b"running 3")  # an RP2040 resets itself by its watchdog
    assert b"booting" in said
    assert board.resets[-1] == "reset"
    assert mpremote(board, "exec", "print('alone')").strip() == "alone"
    assert "running" not in mpremote(board, "soft-reset")


def test_ctrl_c_ends_a_program_that_waits_and_the_prompt_is_there(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in()
    write_file(board, "main.py", "import time; print('at it')\nwhile True: time.sleep(60)")
    heard(board, "\x04", b"at it")
    assert mpremote(board, "exec", "print(6 * 7)").strip() == "42"


def test_a_full_flash_says_so(plug_in: Callable[..., VirtualBoard], tmp_path: Path) -> None:
    (tmp_path / "big.bin").write_bytes(b"x" * 100_000)
    board = plug_in(size=64 * 1024)
    assert "No space left" in mpremote(board, "fs", "cp", str(tmp_path / "big.bin"), ":big.bin")


def test_a_watchdog_bites_and_the_next_start_knows(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in()
    mpremote(board, "exec", "--no-follow", "import machine, time; machine.WDT(timeout=100); time.sleep(60)")
    wait_for(lambda: board.resets[-1] == "watchdog")
    assert mpremote(board, "exec", "import machine; print(machine.reset_cause())").strip() == "3"


def test_a_cut_in_a_block_write_takes_the_power_and_leaves_a_file_system(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(faults=Faults(cut_write=12))
    mpremote(board, "exec", "for i in range(50):\n with open('%d' % i, 'w') as f: f.write('x' * 300)")
    wait_for(lambda: not board.is_powered)
    whole = {path: data for path, data in board.flash.files().items() if data}
    assert 0 < len(whole) < 50 and set(whole.values()) == {b"x" * 300}
    assert mpremote(plug_in(), "exec", "print(1)").strip() == "1"


def test_unplugging_takes_the_port_away(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(faults=Faults(unplug_after=200))
    with serial.Serial(board.port, timeout=1, write_timeout=1) as port:
        port.write(b"\r" * 250)
        wait_for(lambda: not board.is_powered)
        with pytest.raises((serial.SerialException, OSError)):
            port.read(100_000)


def test_a_stall_is_silence_on_a_port_that_stays(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(faults=Faults(stall_after=5))
    with serial.Serial(board.port, timeout=0.3) as port:
        port.write(b"\r\n\r\nprint(1)\r\n")
        time.sleep(0.2)
        port.reset_input_buffer()
        port.write(b"print(1)\r\n")
        assert port.read(1) == b""
    assert board.is_powered


def test_dropped_bytes_are_dropped(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(faults=Faults(drop_every=10))
    assert b"'abcdefghjklmn'" in heard(board, "'abcdefghijklmn'\r", b"klmn'\r\n")


def test_boot_noise_comes_before_the_first_word(plug_in: Callable[..., VirtualBoard]) -> None:
    board = plug_in(boards.load("ESP32_GENERIC"), faults=Faults(noise=True))
    said = heard(board, "import machine; machine.reset()\r", b"entry 0x400805b4")
    assert b"\xc0\xfe" in said
    assert mpremote(board, "exec", "print(1)").strip().endswith("1")
