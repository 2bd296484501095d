"""What a STATION.toml says about TLS: which files go onto the board, and what is wrong with them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from certificates import Certificate, certificate
from floorsense.broker.floor import Floor
from floorsense.errors import UsageError
from floorsense.provisioning.station_file import Station, StationFile

OURS = "factory/floor-2/machine-42"
TEXT = """\
site = "factory"
floor = "floor-2"
machine = "machine-42"
board = "RPI_PICO_W"
wifi = {{ssid = "plant", open = true}}
buses.i2c0 = {{id = 0, scl = 5, sda = 4}}
sensors = [{{driver = "bme280", bus = "i2c0", period_ms = 500}}]
[broker]
{broker}
"""
HOST = 'host = "broker.test"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Certificate:
    """A CA, in ``ca.pem``; and a certificate of it for a board, in ``own.pem`` and ``own.key``."""
    made = certificate("CA")
    own = made.make("machine-42")
    (tmp_path / "ca.pem").write_bytes(made.pem)
    (tmp_path / "own.pem").write_bytes(own.pem)
    (tmp_path / "own.key").touch(0o600)
    (tmp_path / "own.key").write_bytes(own.secret)
    return made


def station(folder: Path, broker: str) -> Station:
    path = folder / "machine-42.toml"
    path.write_text(TEXT.format(broker=broker))
    return StationFile(path).complete()


def refused(folder: Path, broker: str) -> str:
    with pytest.raises(UsageError) as caught:
        station(folder, broker)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("authority")
def test_the_board_gets_the_files_and_its_settings_name_them(tmp_path: Path) -> None:
    one = station(tmp_path, HOST + 'tls = {ca = "ca.pem", cert = "own.pem", key = "own.key"}')
    assert {path.partition("-")[0]: text.reveal().encode() for path, text in one.files.items()} == {
        "/certs/ca": (tmp_path / "ca.pem").read_bytes(),
        "/certs/cert": (tmp_path / "own.pem").read_bytes(),
        "/certs/key": (tmp_path / "own.key").read_bytes(),
    }
    for path in one.files:
        assert f'"{path[1:]}"' in one.settings.reveal()
    assert one.port == 8883
    assert "PRIVATE" not in repr(one)


@pytest.mark.usefixtures("authority")
def test_only_the_certificates_of_a_file_reach_the_board(tmp_path: Path) -> None:
    plain = station(tmp_path, HOST + 'tls = {ca = "ca.pem"}').files
    ca = tmp_path / "ca.pem"
    ca.write_bytes(b"subject=CA\n" + ca.read_bytes() + (tmp_path / "own.key").read_bytes())
    noisy = station(tmp_path, HOST + 'tls = {ca = "ca.pem"}').files
    assert {path: text.reveal() for path, text in noisy.items()} == {path: text.reveal() for path, text in plain.items()}


def test_other_contents_have_another_name(tmp_path: Path, authority: Certificate) -> None:
    first = set(station(tmp_path, HOST + 'tls = {ca = "ca.pem"}').files)
    (tmp_path / "ca.pem").write_bytes(certificate("CA").pem)
    assert not first & set(station(tmp_path, HOST + 'tls = {ca = "ca.pem"}').files)


def test_what_is_wrong_with_a_file_is_one_line_with_its_place(tmp_path: Path, authority: Certificate) -> None:
    tls = HOST + 'tls = {{ca = "{}", cert = "{}", key = "{}"}}'
    path = tmp_path / "wrong.key"
    path.touch(0o600)

    assert "line 10, broker.tls.ca: " in refused(tmp_path, HOST + 'tls = {ca = "none.pem"}')
    assert "No such file" in refused(tmp_path, HOST + 'tls = {ca = "none.pem"}')
    assert "own.key: has no certificate in it" in refused(tmp_path, HOST + 'tls = {ca = "own.key"}')
    (tmp_path / "many.pem").write_bytes(authority.pem * 20)
    assert "and a board takes 8192" in refused(tmp_path, HOST + 'tls = {ca = "many.pem"}')
    assert "broker.tls: has one of cert and key" in refused(tmp_path, HOST + 'tls = {ca = "ca.pem", cert = "own.pem"}')
    assert "broker.tls.ca: is missing" in refused(tmp_path, HOST + "tls = {}")
    assert "broker.tls: must be an object" in refused(tmp_path, HOST + "tls = true")

    path.write_bytes(b"?")
    assert "wrong.key: has no private key in it" in refused(tmp_path, tls.format("ca.pem", "own.pem", "wrong.key"))
    path.write_bytes(authority.secret)
    said = refused(tmp_path, tls.format("ca.pem", "own.pem", "wrong.key"))
    assert "wrong.key: is not the key of the certificate in" in said and "own.pem" in said
    locked = serialization.BestAvailableEncryption(b"locked")
    path.write_bytes(authority.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked))
    assert "wrong.key: is encrypted" in refused(tmp_path, tls.format("ca.pem", "own.pem", "wrong.key"))
    (tmp_path / "own.key").chmod(0o644)
    assert "others can read the secret in it" in refused(tmp_path, tls.format("ca.pem", "own.pem", "own.key"))


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    return Floor.make(tmp_path / "floor", ["broker.test"], 8883, "127.0.0.1", 8884)


def test_the_folder_of_a_floor_says_all_of_it(tmp_path: Path, floor: Floor) -> None:
    floor.add(OURS, mutual=False)
    one = station(tmp_path, 'folder = "floor"')
    assert (one.host, one.port, one.user) == ("broker.test", 8883, OURS)
    assert [path.partition("-")[0] for path in one.files] == ["/certs/ca"]
    assert next(iter(one.files.values())).reveal().encode() == floor.ca.read_bytes()


def test_a_board_that_the_floor_knows_by_a_certificate_has_no_user_and_another_port(tmp_path: Path, floor: Floor) -> None:
    floor.add(OURS, mutual=True)
    one = station(tmp_path, 'folder = "floor"')
    assert (one.host, one.port, one.user, one.password) == ("broker.test", 8884, None, None)
    assert [path.partition("-")[0] for path in one.files] == ["/certs/ca", "/certs/cert", "/certs/key"]


def test_a_floor_that_does_not_know_the_board_is_named_with_the_command_that_helps(tmp_path: Path, floor: Floor) -> None:
    said = refused(tmp_path, f'folder = "{floor.folder.name}"')
    assert f"does not know {OURS}; `floorsense broker add {tmp_path}/machine-42.toml`" in said


def test_two_words_on_TLS_are_one_too_many(tmp_path: Path, floor: Floor, authority: Certificate) -> None:
    said = refused(tmp_path, f'folder = "{floor.folder.name}"\ntls = {{ca = "ca.pem"}}')
    assert "line 10, broker.tls: broker.folder says it already; leave one of them out" in said
