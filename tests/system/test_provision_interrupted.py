"""Provisioning over a bad cable, unplugged, and through a power cut: one line, a board that boots, and a run that finishes."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stations import QUIET, WAIT_S, firmware, firmware_files, station

from floorsense import boards
from floorsense.broker import LocalBroker
from floorsense.errors import BoardUnreachable, FloorsenseError
from floorsense.provisioning.provisioning import provision
from floorsense.virtual import Faults, Flash, VirtualBoard

PICO = boards.load("RPI_PICO_W")


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalBroker]:
    with LocalBroker() as one:
        yield one


@pytest.mark.parametrize("cut", [3, 9, 30, 60, 75, 90])
def test_a_power_cut_in_a_block_write_leaves_a_board_that_boots_and_the_next_run_finishes(
    cut: int, plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, broker.url.port)
    with pytest.raises(BoardUnreachable, match=r"the port went away|no MicroPython"):
        provision(one, plug_in(faults=Faults(cut_write=cut)).port, QUIET, wait_s=0)
    files = Flash(tmp_path / "flash.img").files()
    # Settings go in last: with them, all else is whole.
    assert "/settings.json" not in files or set(firmware_files()) <= {path[3:] for path in files}
    assert provision(one, plug_in().port, QUIET, wait_s=WAIT_S).first


@pytest.mark.parametrize("at", [3000, 7000, 10_000])
def test_an_update_that_is_unplugged_leaves_the_firmware_that_ran_and_the_next_run_finishes(
    at: int, plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, broker.url.port)
    first = plug_in()
    provision(one, first.port, QUIET, wait_s=0)
    first.unplug()
    newer = firmware(tmp_path, "0.2.0", station=("LONGEST_WAIT = 1000", "LONGEST_WAIT = 999"))
    with pytest.raises(BoardUnreachable, match=r"the port went away|does not answer|no MicroPython"):
        provision(one, plug_in(faults=Faults(unplug_after=at)).port, QUIET, wait_s=0, source=newer)
    same = provision(one, plug_in().port, QUIET, wait_s=WAIT_S)
    assert same.first and "settings" not in str(same.changes)
    assert provision(one, plug_in().port, QUIET, wait_s=WAIT_S, source=newer).first


FAULTS = {
    "a stall": (Faults(stall_after=20_000), r"does not answer as it should|takes nothing any more"),
    "dropped bytes": (Faults(drop_every=997), r"does not answer as it should|the board raised|an answer was not understood"),
}


@pytest.mark.parametrize(("faults", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_a_bad_cable_is_one_line_in_limited_time_and_the_next_run_finishes(
    faults: Faults, said: str, plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path
) -> None:
    one = station(tmp_path, broker.url.port)
    board = plug_in(faults=faults)
    began = time.monotonic()
    with pytest.raises(FloorsenseError, match=said):
        provision(one, board.port, QUIET, wait_s=0)
    assert time.monotonic() - began < 40
    board.unplug()
    assert provision(one, plug_in().port, QUIET, wait_s=WAIT_S).first


def test_boot_noise_is_no_hindrance(plug_in: Callable[..., VirtualBoard], broker: LocalBroker, tmp_path: Path) -> None:
    board = plug_in(boards.load("ESP32_GENERIC"), faults=Faults(noise=True))
    assert provision(station(tmp_path, broker.url.port, "noisy", "ESP32_GENERIC"), board.port, QUIET, wait_s=WAIT_S).first
