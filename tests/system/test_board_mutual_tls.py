"""A board and a floor's Mosquitto that know each other by certificates: readings pass, and who has none is told so."""

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from secure_parts import LIMIT_S, Board
from stations import new_floor, running

from floorsense.broker.floor import HOST_USER, Floor
from floorsense.listener import Listener
from floorsense.provisioning.witness import Identity
from floorsense.secret import read_secret
from floorsense.toolchain.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")
OURS = "factory/floor-1/machine-1"


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """A floor's broker, made and not started, with an identity for our board."""
    made = new_floor(tmp_path / "floor", "localhost")
    made.add(OURS, mutual=True)
    return made


@pytest.fixture
def run_floor(floor: Floor) -> Iterator[Callable[[], None]]:
    with ExitStack() as rooms:
        yield lambda: rooms.enter_context(running(floor))


def files_of(floor: Floor, own: bool = True) -> dict[str, bytes]:
    """What our board is given of the floor: PEM, as it lies there."""
    files = {"ca.pem": floor.ca.read_bytes()}
    pair = floor.pair_of(OURS)
    assert pair is not None
    if own:
        files |= {"cert.pem": pair[0].read_bytes(), "key.pem": pair[1].read_bytes()}
    return files


def test_readings_pass_by_mutual_tls_and_no_step_is_long(
    board: Board, floor: Floor, run_floor: Callable[[], None], tmp_path: Path
) -> None:
    run_floor()
    heard: list[str] = []
    url = Identity("localhost", floor.port, True, HOST_USER, secret=read_secret(floor.host_secret))
    with Listener(url, [f"{OURS}/#"], lambda topic, *_: heard.append(topic), ca=str(floor.ca)):
        assert floor.mutual_port is not None
        board.start("localhost", floor.mutual_port, files_of(floor))
        end = time.monotonic() + LIMIT_S
        while heard.count(f"{OURS}/temperature") < 3 and time.monotonic() < end:
            time.sleep(0.02)
    board.stop()
    assert heard.count(f"{OURS}/temperature") >= 3
    found = re.search(r"longest step (\d+) ms", board.log())
    assert found, board.log()
    print(f"longest step, handshake included: {found[1]} ms")
    assert int(found[1]) < 250
    # The time was known, so it is kept for a day on which it is not.
    assert abs(int((board.flash / "tls.last").read_text()) - time.time()) < 60


def test_T44_a_board_without_a_certificate_is_told_so(board: Board, floor: Floor, run_floor: Callable[[], None]) -> None:
    run_floor()
    assert floor.mutual_port is not None
    board.start("localhost", floor.mutual_port, files_of(floor, own=False))
    board.wait_for("localhost refused this board's certificate, or the lack of one")


def test_T44_a_board_with_a_revoked_certificate_is_told_so(board: Board, floor: Floor, run_floor: Callable[[], None]) -> None:
    files = files_of(floor)
    floor.remove(OURS)
    run_floor()
    assert floor.mutual_port is not None
    board.start("localhost", floor.mutual_port, files)
    board.wait_for("localhost refused this board's certificate, or the lack of one")
    assert "session: connected" not in board.log()
