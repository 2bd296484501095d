"""A board gets what it needs to speak TLS, and its first reading comes that way: real MicroPython, Mosquitto and LittleFS."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stations import described, new_floor, running

from certificates import certificate
from floornode import VERSION
from floorsense.broker.floor import HOST_USER, Floor
from floorsense.broker.service import reload
from floorsense.cable.prompt import Prompt
from floorsense.errors import BoardError
from floorsense.provisioning.board import SETTINGS
from floorsense.provisioning.disk import Disk
from floorsense.provisioning.provisioning import Outcome, Telling, provision
from floorsense.provisioning.station_file import StationFile
from floorsense.provisioning.witness import BoardLog, Identity, Witness, listening_url
from floorsense.secret import read_secret
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.virtual import VirtualBoard

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")

WAIT_S = 30


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """A floor's broker, which runs."""
    made = new_floor(tmp_path_factory.mktemp("stations") / "floor")
    with running(made):
        yield made


def become(floor: Floor, mutual: bool, machine: str) -> Path:
    """The STATION.toml of a board that the floor knows by a password, or by a certificate."""
    name = f"factory/floor-2/{machine}"
    floor.remove(name)
    floor.add(name, mutual)
    assert reload(floor)
    return described(floor.folder.parent, f'folder = "{floor.folder.name}"', machine)


def provisioned(path: Path, board: VirtualBoard, wait_s: float = WAIT_S) -> Outcome:
    return provision(StationFile(path).complete(), board.port, Telling(), wait_s=wait_s)


def certificates_on(board: VirtualBoard) -> dict[str, bytes]:
    """By what they are for: ca, cert, key."""
    files = {path: data for path, data in board.flash.files().items() if path.startswith("/certs/")}
    return {path.removeprefix("/certs/").partition("-")[0]: data for path, data in files.items()}


@pytest.mark.parametrize("mutual", [False, True], ids=["a password", "a certificate"])
def test_a_bare_board_delivers_its_first_reading_by_TLS_and_a_second_run_changes_nothing(
    mutual: bool, floor: Floor, plug_in: Callable[[], VirtualBoard]
) -> None:
    machine = f"machine-{int(mutual)}"
    path, board = become(floor, mutual, machine), plug_in()
    outcome = provisioned(path, board)
    assert outcome.first and (outcome.first.boot, outcome.first.seq) == (1, 0)
    assert set(certificates_on(board)) == ({"ca", "cert", "key"} if mutual else {"ca"})
    assert certificates_on(board)["ca"] == floor.ca.read_bytes()
    again = provisioned(path, board)
    assert again.changes == [] and again.first


def test_a_key_that_is_not_needed_any_more_leaves_the_board(floor: Floor, plug_in: Callable[[], VirtualBoard]) -> None:
    path, board = become(floor, True, "machine-3"), plug_in()
    assert provisioned(path, board).first
    outcome = provisioned(become(floor, False, "machine-3"), board)
    assert [one for one in outcome.changes if one.endswith("to remove")] and outcome.first
    assert set(certificates_on(board)) == {"ca"}


def test_a_cut_between_new_certificates_and_new_settings_leaves_a_board_that_connects_as_before(
    floor: Floor, plug_in: Callable[[], VirtualBoard], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, board = become(floor, False, "machine-4"), plug_in()
    assert provisioned(path, board).first
    # It is to move to another floor, with a CA of its own.
    other = new_floor(tmp_path / "other")
    other.add("factory/floor-2/machine-4", mutual=False)
    moved = described(tmp_path, f'folder = "{other.folder.name}"', "machine-4")
    write = Disk.replace

    def write_no_settings(disk: Disk, name: str, data: bytes) -> None:
        if name == SETTINGS:
            raise BoardError("unplugged")
        write(disk, name, data)

    monkeypatch.setattr(Disk, "replace", write_no_settings)
    with pytest.raises(BoardError, match="unplugged"):
        provisioned(moved, board, wait_s=0)
    assert other.ca.read_bytes() in board.flash.files().values()
    url, ca = listening_url(StationFile(path).complete())
    with Witness(url, "factory/floor-2/machine-4", ca) as witness:
        witness.expect(witness.boot)
        with Prompt(board.port) as prompt:
            prompt.reset()
        with BoardLog(board.port, lambda _line: None) as log:
            assert witness.wait(WAIT_S, log, VERSION)


def test_a_broker_with_another_CA_is_no_broker_to_the_board_and_it_says_so(
    floor: Floor, plug_in: Callable[[], VirtualBoard], tmp_path: Path
) -> None:
    become(floor, False, "machine-5")
    (tmp_path / "ca.pem").write_bytes(certificate("somebody else").pem)
    (tmp_path / "board.secret").touch(0o600)
    secret = floor.secret_of("factory/floor-2/machine-5")
    assert secret is not None
    (tmp_path / "board.secret").write_bytes(secret.read_bytes())
    lines = ['host = "127.0.0.1"', f"port = {floor.port}", 'user = "factory/floor-2/machine-5"']
    path = described(tmp_path, "\n".join([*lines, 'password_file = "board.secret"', 'tls = {ca = "ca.pem"}']), "machine-5")
    station = StationFile(path).complete()
    ours = Identity("127.0.0.1", floor.port, True, HOST_USER, secret=read_secret(floor.host_secret)), str(floor.ca)
    with pytest.raises(BoardError, match=r"is not by the CA that this board trusts"):
        provision(station, plug_in().port, Telling(), wait_s=4, broker=ours)
