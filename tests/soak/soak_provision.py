"""An update of a board, its power cut at every single block that is written: it starts as before or as it is to, and the next
run finishes. FLOORSENSE_CUTS=7 tries each seventh cut only.
"""

import os
import shutil
import sys
from pathlib import Path

import pytest

from floornode import VERSION
from floorsense import boards
from floorsense.broker import LocalBroker
from floorsense.errors import FloorsenseError
from floorsense.provisioning.provisioning import Telling, provision
from floorsense.provisioning.station_file import Station
from floorsense.provisioning.witness import BoardLog, Witness
from floorsense.virtual import Faults, Flash, VirtualBoard

sys.path.insert(0, str(Path(__file__).parents[1] / "system"))
from stations import firmware, station

PICO = boards.load("RPI_PICO_W")
NEWER = "0.2.0"
EACH = int(os.environ.get("FLOORSENSE_CUTS", "1"))
QUIET = Telling()


@pytest.mark.timeout(3600)
def test_an_update_that_is_cut_at_any_block_leaves_a_station_that_runs_and_the_next_run_finishes(tmp_path: Path) -> None:
    with LocalBroker(tmp_path) as broker:
        one = station(tmp_path, broker.url.port)
        more = station(tmp_path, broker.url.port, more="qos = 2\n")
        newer = firmware(tmp_path, NEWER)
        with VirtualBoard(PICO, Flash(tmp_path / "before.img")) as board:
            provision(one, board.port, QUIET)
        cut, ran = 1, {VERSION: 0, NEWER: 0}
        while not is_through(tmp_path, cut, more, newer):
            with Witness(broker.url, one.name, None) as witness, VirtualBoard(PICO, Flash(tmp_path / "cut.img")) as board:
                # Each flash is a copy of the first one, boot number included.
                witness.expect(0)
                with BoardLog(board.port, lambda _line: None) as log:
                    ran[version_of(witness, log)] += 1
                assert provision(more, board.port, QUIET, source=newer).first
            cut += EACH
        print(
            f"cut at blocks up to {cut - EACH}: the old firmware ran {ran[VERSION]} times afterwards, the new one {ran[NEWER]}"
        )
        assert cut > 20 and ran[VERSION]


def is_through(folder: Path, cut: int, one: Station, newer: Path) -> bool:
    """Whether the update ended before the cut."""
    shutil.copyfile(folder / "before.img", folder / "cut.img")
    with VirtualBoard(PICO, Flash(folder / "cut.img"), faults=Faults(cut_write=cut)) as board:
        try:
            provision(one, board.port, QUIET, wait_s=0, source=newer)
        except FloorsenseError:
            return False
        return board.is_powered


def version_of(witness: Witness, log: BoardLog) -> str:
    """That of the firmware whose reading comes first."""
    for version in (VERSION, NEWER):
        try:
            witness.wait(20, log, version)
        except FloorsenseError as error:
            if "it runs floornode" not in str(error):
                raise
        else:
            return version
    raise AssertionError("neither")
