"""Hardware in a process of its own: what a board finds in it is what it finds in its own VM, and fifty boards share one."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floorsense.bench.farm import Farm
from floorsense.bench.hardware import Hardware
from floorsense.bench.plan import Plan, parse_qos, plan
from floorsense.broker import LocalBroker
from floorsense.check import Checker
from floorsense.children import Children
from floorsense.errors import FloorsenseError
from floorsense.listener import Listener
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import find_micropython, micropath

PARTS = json.loads((Path(__file__).parents[1] / "vectors" / "bme280.json").read_text())["parts"]
STEADY = {"temperature": 21.5, "pressure": 1000.25, "humidity": 40}
CHIP: dict[str, Any] = {"chip": "bme280", "noise": 0, "signals": STEADY}
OPEN = """
import machine, network, sys, time
i2c = machine.I2C(0, scl=machine.Pin(5), sda=machine.Pin(4))
time.sleep_ms(20)
def code_of(call, *args):
    try:
        return call(*args)
    except OSError as error:
        return error.args[0]
"""


class Room:
    """Where boards are whose hardware is in one process; a program of theirs says what they see, apart or not."""

    def __init__(self, folder: Path, hardware: Hardware) -> None:
        self._folder = folder
        self.hardware = hardware
        self._count = 0

    def start(self, program: str, apart: bool = True, **script: Any) -> "subprocess.Popen[str]":
        self._count += 1
        flash = self._folder / f"board-{self._count}"
        flash.mkdir()
        (flash / "simulation.json").write_text(script.pop("text", json.dumps(script)))
        (flash / "program.py").write_text(OPEN + program)
        environment = {**os.environ, **self.hardware.environment, "MICROPYPATH": micropath(True, apart)}
        return subprocess.Popen(
            [str(find_micropython()), "program.py"],
            cwd=flash,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def says(self, program: str, apart: bool = True, code: int = 0, **script: Any) -> str:
        board = self.start(program, apart, **script)
        said, _ = board.communicate(timeout=20)
        assert board.returncode == code, said
        return said

    def says_both(self, program: str, **script: Any) -> str:
        """What it says, the same apart and in its own VM."""
        said = self.says(program, **script)
        assert said == self.says(program, apart=False, **script)
        return said


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    ensure_libraries()
    with Children() as children:
        hardware = Hardware(children, tmp_path)
        hardware.start()
        yield Room(tmp_path, hardware)


def i2c(**more: Any) -> dict[str, Any]:
    return {"0": {"118": {**CHIP, **more}}}


def test_every_way_to_transfer_is_that_of_the_board_itself(room: Room) -> None:
    said = room.says_both(
        """
print(list(i2c.scan()), i2c.writeto(118, b"\\xd0", False), i2c.readfrom(118, 1))
buffer = bytearray(4)
i2c.readfrom_mem_into(118, 0xD0, memoryview(buffer)[1:2])
i2c.writeto_mem(118, 0xF5, b"\\xa0")
print(buffer, i2c.readfrom_mem(118, 0xF5, 1), i2c.readfrom_mem(118, 0x88, 26))
print(code_of(i2c.writeto, 119, b"\\xd0"), code_of(i2c.readfrom_into, 119, buffer))
""",
        i2c=i2c(),
    )
    assert said.splitlines()[0] == "[118] 1 b'`'"


@pytest.mark.parametrize("name", ["Raspberry Pi Pico W with RP2040", "Generic ESP32 module with ESP32"])
def test_the_machine_and_the_network_are_those_of_the_port(room: Room, name: str) -> None:
    room.says_both(
        """
print(machine.unique_id(), machine.reset_cause(), machine.freq(), hasattr(machine, "HARD_RESET"))
print(network.STA_IF, network.STAT_WRONG_PASSWORD, hasattr(network, "STAT_ASSOC_FAIL"), machine.Pin.PULL_UP)
led = machine.Pin("LED", machine.Pin.OUT, value=1)
print(led(), led.value(0), machine.Pin("LED").value())
radio = network.WLAN(network.STA_IF)
print(code_of(radio.connect, "plant", "wrong"), radio.active(True), radio.isconnected())
radio.connect("plant", "secret")
time.sleep_ms(60)
print(radio.isconnected(), radio.status() == network.STAT_GOT_IP, radio.status("rssi"), radio.ifconfig()[0])
print(code_of(i2c.writeto, 119, b""), time.gmtime()[0], time.gmtime(0)[0])
""",
        machine=name,
        unique_id="e6614103e7000001",
        reset_cause="watchdog",
        wifi={"ssid": "plant", "password": "secret", "join_ms": 20, "ip": "10.0.0.7"},
    )


def test_a_probe_on_1_wire_says_what_it_says_in_the_boards_own_vm(room: Room) -> None:
    said = room.says_both(
        """
from floornode.ports import wires
from floornode.sensors import load
class Bus:
    pin = 22
chip = load("ds18b20")(wires.onewire(Bus), bytes.fromhex("2801000000000029"))
chip.begin(time.ticks_ms())
while (wait := chip.step(time.ticks_ms())) is not None:
    time.sleep_ms(wait)
print(chip.read())
""",
        onewire={"22": {"2801000000000029": {"chip": "ds18b20", "signals": {"temperature": 78}}}},
    )
    assert said == "(78.0,)\n"


def test_an_unset_clock_is_the_boards_own_to_set(room: Room) -> None:
    said = room.says(
        "print(time.gmtime()[:3])\nmachine.RTC().datetime((2026, 3, 4, 2, 5, 6, 7, 0))\nprint(time.gmtime()[:4])\n", rtc="unset"
    )
    assert said.splitlines() == ["(2021, 1, 1)", "(2026, 3, 4, 5)"]


@pytest.mark.parametrize("part", sorted(PARTS))
def test_the_driver_reads_what_the_chip_feels_by_the_trimming_of_real_parts(room: Room, part: str) -> None:
    said = room.says(
        "from floornode.sensors import load\nchip = load('bme280')(i2c, 0x76)\ntime.sleep_ms(30)\nprint(*chip.read())\n",
        i2c=i2c(calibration=PARTS[part]["trimming"].replace(" ", "")),
    )
    celsius, hectopascal, percent = map(float, said.split())
    assert abs(celsius - STEADY["temperature"]) < 0.02
    assert abs(hectopascal - STEADY["pressure"]) < 0.2
    assert abs(percent - STEADY["humidity"]) < 0.2


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "nack"}, "[] 5"),
        ({"kind": "stuck"}, "112 110"),
        ({"kind": "short", "bytes": 0}, "[118] b'\\xff'"),
        ({"kind": "bit-errors", "rate": 1, "seed": 3}, None),
    ],
)
def test_a_faulty_chip_fails_as_it_does_in_the_boards_own_vm(room: Room, fault: dict[str, Any], said: str | None) -> None:
    program = """
found = list(i2c.scan())
print(found if len(found) < 9 else len(found), code_of(i2c.readfrom_mem, 118, 0xD0, 1))
"""
    found = room.says_both(program, i2c=i2c(faults=[fault]))
    assert said is None or found.strip() == said


def test_a_fault_follows_the_boards_own_time_and_a_file_on_its_own_flash(room: Room) -> None:
    faults = [{"kind": "nack", "at_s": 0.4, "for_s": 0.4}, {"kind": "nack", "during": "dead"}]
    said = room.says(
        """
import os
for wait in (0, 600, 400):
    time.sleep_ms(wait)
    print(len(i2c.scan()))
open("dead", "w").close()
time.sleep_ms(50)
print(len(i2c.scan()))
""",
        i2c=i2c(faults=faults),
    )
    assert said.split() == ["1", "0", "1", "0"]


def test_a_chip_that_hangs_lets_go_after_clocks_made_by_hand(room: Room) -> None:
    room.says_both(
        """
data = machine.Pin(4, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP, value=1)
clock = machine.Pin(5, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP, value=1)
for _ in range(6):
    print(data())
    clock(0)
    clock(1)
""",
        i2c=i2c(faults=[{"kind": "hung", "clocks": 4}]),
    )


def test_the_way_a_board_ends_is_told_by_its_own_process(room: Room) -> None:
    room.says("machine.reset()", code=-10)
    room.says("machine.soft_reset()", code=-12)
    room.says("machine.WDT(timeout=50)\nwhile True: time.sleep(1)", code=-14)


def test_a_wrong_script_is_one_line_and_exit_code_2(room: Room) -> None:
    said = room.says("", code=2, i2c={"0": {"118": {"chip": "bme680"}}})
    assert said.startswith("simulation.json: i2c.0.118: unknown chip 'bme680'; known are") and said.count("\n") == 1


def test_a_script_that_is_no_JSON_is_one_line_and_exit_code_2(room: Room) -> None:
    said = room.says("", code=2, text="{")
    assert said == "simulation.json: is not JSON; write it anew, or remove it for a board with nothing on its buses\n"


def test_a_question_that_was_broken_off_leaves_the_next_answer_its_own(room: Room) -> None:
    said = room.says(
        """
machine._wire.write('[99, "machine.unique_id", [], {}]\\n')
time.sleep_ms(50)
print(i2c.readfrom_mem(118, 0xD0, 1), machine.freq())
""",
        i2c=i2c(),
    )
    assert said.strip() == "b'`' 125000000"


def test_a_transaction_takes_less_than_a_millisecond(room: Room) -> None:
    said = room.says(
        """
buffer = bytearray(13)
took = []
for _ in range(500):
    began = time.ticks_us()
    i2c.readfrom_mem_into(118, 0xF2, buffer)
    took.append(time.ticks_diff(time.ticks_us(), began))
print(sorted(took)[250])
""",
        i2c=i2c(),
    )
    print(f"a transaction: {said.strip()} us")
    assert int(said) < 1000


def test_a_board_whose_hardware_is_not_there_is_one_line_and_exit_code_2(room: Room) -> None:
    room.hardware.environment["FLOORSENSE_HARDWARE"] = "../nobody"
    assert room.says("", code=2) == "the process that has this board's hardware is not there\n"


def test_hardware_that_does_not_come_up_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "hardware.new").touch()
    with Children() as children:
        hardware = Hardware(children, tmp_path)
        with pytest.raises(FloorsenseError, match=r"^the boards' hardware did not start: OSError: .*Address already in use$"):
            hardware.start()


def test_a_board_whose_hardware_is_killed_ends_with_a_line(room: Room) -> None:
    board = room.start("print('up')\nwhile True: i2c.readfrom_mem(118, 0xD0, 1)", i2c=i2c())
    assert board.stdout is not None and board.stdout.readline() == "up\n"
    assert room.hardware.process is not None
    room.hardware.process.kill()
    said, _ = board.communicate(timeout=5)
    assert (board.returncode, said) == (2, "the process that has this board's hardware has ended\n")


def test_fifty_boards_share_one_process_and_each_has_its_own_chips(room: Room) -> None:
    program = """
i2c.writeto_mem(118, 0xF2, b"\\x01")
i2c.writeto_mem(118, 0xF4, b"\\x27")
time.sleep_ms(700)
print(machine.unique_id()[-1], i2c.readfrom_mem(118, 0xF7, 8))
"""
    warm = {True: 40, False: -10}

    def script(i: int) -> dict[str, Any]:
        return {"unique_id": f"{i:016x}", "i2c": i2c(signals={**STEADY, "temperature": warm[i % 2 == 0]})}

    boards = [room.start(program, **script(i)) for i in range(50)]
    said = [board.communicate(timeout=40)[0].partition(" ") for board in boards]
    assert [int(one[0]) for one in said] == list(range(50))
    assert len({one[2] for one in said[::2]}) == len({one[2] for one in said[1::2]}) == 1
    assert said[0][2] != said[1][2]


def test_a_bench_whose_hardware_is_killed_says_so_and_its_boards_do_not_hang(tmp_path: Path) -> None:
    checker = Checker()
    with LocalBroker(tmp_path) as broker:
        whole = plan(2, parse_qos("1"), (broker.url.host, broker.url.port), {})
        listener = Listener(broker.url, ["factory/#"], checker.message)
        with listener, Farm(Plan(whole.boards, whole.recordings, []), tmp_path) as farm:
            farm.start(threading.Event())
            time.sleep(2)
            assert not farm.fallen()
            assert farm.hardware.process is not None
            farm.hardware.process.kill()
            end = time.monotonic() + 5
            while len(farm.fallen()) < 2 and time.monotonic() < end:
                time.sleep(0.05)
            assert [one.exit_code() for one in farm.fallen()] == [2, 2]
            assert farm.boards[0].tail()[-1] == "the process that has this board's hardware has ended"
