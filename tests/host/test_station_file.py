"""STATION.toml: refused with all that is wrong, each fault with its line; and what becomes of one that is right."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from floorsense.boards import Board, all_boards, load
from floorsense.broker.floor import Floor
from floorsense.errors import UsageError
from floorsense.paths import BOARDS
from floorsense.provisioning import pinout
from floorsense.provisioning.station_file import BROKER_VARIABLE, WIFI_VARIABLE, StationFile

RIGHT = """\
site = "factory"
floor = "floor-2"
machine = "machine-42"
board = "RPI_PICO_W"
[wifi]
ssid = "plant"
password_file = "wifi.secret"
[broker]
host = "192.168.1.10"
[buses.i2c0]
id = 0
scl = 5
sda = 4
[[sensors]]
driver = "bme280"
bus = "i2c0"
"""
SECRET = "hunter2-wifi-secret"


@pytest.fixture(autouse=True)
def nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (WIFI_VARIABLE, BROKER_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())


def write(folder: Path, *changes: tuple[str, str], mode: int = 0o600, secret: str | None = SECRET) -> Path:
    """A STATION.toml in ``folder`` with other words, and its secret beside it."""
    if secret is not None:
        (folder / "wifi.secret").write_text(secret)
        (folder / "wifi.secret").chmod(mode)
    text = RIGHT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / "station.toml"
    path.write_text(text)
    return path


def settings_of(folder: Path, *changes: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(StationFile(write(folder, *changes)).complete().settings.reveal())
    return found


FAULTS = {
    "a key left out": (('site = "factory"\n', ""), "site: is missing; add text"),
    "a key that is none": (('[wifi]\nssid = "plant"', '[wifi]\nsid = "plant"'), "line 6, wifi.sid: is unknown; known are ssid"),
    "a top key that is none": (('site = "', 'colour = "red"\nsite = "'), "known are site, floor, machine, board, wifi"),
    "a number as text": (("scl = 5", 'scl = "5"'), "line 12, buses.i2c0.scl: must be a whole number from 0 to 48"),
    "a pin twice": (("scl = 5", "scl = 4"), "line 13, buses.i2c0.sda: pin 4 is already buses.i2c0.scl"),
    "a pin of the radio": (("scl = 5", "scl = 25"), "line 12, buses.i2c0.scl: pin 25 is the board's own on RPI_PICO_W"),
    "a pin of another bus": (
        ("scl = 5", "scl = 7"),
        "line 12, buses.i2c0.scl: pin 7 cannot be SCL of I2C 0 on RPI_PICO_W; these can: 1, 5, 9, 13, 17, 21",
    ),
    "a bus that is none": (("id = 0", "id = 2"), "line 11, buses.i2c0.id: RPI_PICO_W has no I2C 2; there is 0 and 1"),
    "an unknown board": (('"RPI_PICO_W"', '"PICO"'), "line 4, board: unknown board 'PICO'; did you mean RPI_PICO_W?"),
    "an unknown driver": (('"bme280"', '"bme999"'), "line 15, sensors[0].driver: bme999 is unknown; known are adxl345"),
    "an unknown bus": (('bus = "i2c0"', 'bus = "i2c9"'), "line 16, sensors[0].bus: i2c9 is not among the buses"),
    "a level with a wildcard": (('"machine-42"', '"machine/#"'), "line 3, machine: must not contain"),
    "a secret in it": (('password_file = "wifi.secret"', 'password = "geheim12"'), "line 7, wifi.password: does not belong"),
    "a fleet of none": (('site = "', 'fleet = 0\nsite = "'), "line 1, fleet: must be a whole number from 1"),
    "no TOML": (("scl = 5", "scl = "), "not TOML: Invalid value (at line 12"),
    "no floor there": (('host = "192.168.1.10"', 'folder = "nowhere"'), "line 9, broker.folder: "),
    "a light on a sensor's pin": (("[wifi]", "led = {pin = 4}\n[wifi]"), "line 5, led.pin: pin 4 is already buses.i2c0.sda"),
}


@pytest.mark.parametrize(("change", "said"), FAULTS.values(), ids=FAULTS.keys())
def test_what_is_wrong_is_one_line_with_its_place(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    path = write(tmp_path, change)
    with pytest.raises(UsageError) as error:
        StationFile(path)
    assert str(error.value).startswith(f"{path}: ") and said in str(error.value), str(error.value)
    assert "\n" not in str(error.value) and "geheim12" not in str(error.value)


def test_five_faults_are_said_at_once_each_with_its_line(tmp_path: Path) -> None:
    changes = (
        ('"machine-42"', '"ma#chine"'),
        ("scl = 5", "scl = 24"),
        ('host = "192.168.1.10"', 'host = "mqtt://x"'),
        ('driver = "bme280"', 'driver = "bme280"\nqos = 5'),
        ('ssid = "plant"', 'ssid = ""'),
    )
    with pytest.raises(UsageError) as error:
        StationFile(write(tmp_path, *changes))
    for place in ("line 3, machine", "line 6, wifi.ssid", "line 9, broker.host", "line 12, buses.i2c0.scl", "sensors[0].qos"):
        assert place in str(error.value)


def test_a_pin_that_can_only_be_read_is_no_clock(tmp_path: Path) -> None:
    changes = (('"RPI_PICO_W"', '"ESP32_GENERIC"'), ("scl = 5", "scl = 34"))
    with pytest.raises(UsageError, match=r"line 12, buses\.i2c0\.scl: pin 34 can only be read on ESP32_GENERIC"):
        StationFile(write(tmp_path, *changes))


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_T67_a_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(UsageError, match=rf"wifi\.secret: others can read the secret in it \(mode {mode:o}\); chmod 600 it"):
        StationFile(write(tmp_path, mode=mode)).complete()


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("", "has no secret in its first line"),
        ("\n\n", "has no secret in its first line"),
        ("short", "a secret cannot be used: wifi.password: must be text of 8 to 64 bytes"),
        (None, "the secret in it cannot be read: No such file or directory"),
    ],
)
def test_T67_a_secret_that_is_none_is_refused(tmp_path: Path, secret: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        StationFile(write(tmp_path, secret=secret)).complete()
    assert not secret or secret.strip() not in str(error.value) or not secret.strip()


def test_T67_a_secret_comes_from_the_environment_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WIFI_VARIABLE, "from-the-environment")
    assert settings_of(tmp_path)["wifi"] == {"ssid": "plant", "password": "from-the-environment"}


def test_T67_without_anybody_to_ask_it_is_said_where_a_secret_may_come_from(tmp_path: Path) -> None:
    path = write(tmp_path, ('password_file = "wifi.secret"\n', ""))
    with pytest.raises(UsageError, match=f"the Wi-Fi password of 'plant': set {WIFI_VARIABLE}, name a file of mode 600"):
        StationFile(path).complete()


def test_T67_a_secret_is_in_no_repr(tmp_path: Path) -> None:
    one = StationFile(write(tmp_path)).complete()
    assert SECRET in one.settings.reveal()
    assert SECRET not in repr(one) + str(one) + repr(vars(one)) + f"{one.settings}"


def test_an_open_network_has_no_password(tmp_path: Path) -> None:
    assert settings_of(tmp_path, ('password_file = "wifi.secret"', "open = true"))["wifi"] == {"ssid": "plant"}


def test_a_fleet_waits_longer_before_it_comes_back(tmp_path: Path) -> None:
    alone = settings_of(tmp_path)["broker"]
    assert "first_window_ms" not in alone
    assert settings_of(tmp_path, ('site = "', 'fleet = 200\nsite = "'))["broker"]["first_window_ms"] > 2000


@pytest.mark.parametrize(
    ("board", "said", "outbox"),
    [
        ("RPI_PICO_W", "", None),
        ("ESP32_GENERIC", "", {"capacity": 120}),
        ("ESP32_GENERIC", "[outbox]\ncapacity = 300\n", {"capacity": 300}),
        ("ESP32_GENERIC", '[outbox]\ndurability = "always"\n', {"capacity": 120, "durability": "always"}),
    ],
)
def test_a_board_with_a_small_heap_keeps_fewer_readings_in_RAM_unless_it_is_said(
    tmp_path: Path, board: str, said: str, outbox: dict[str, Any] | None
) -> None:
    assert settings_of(tmp_path, ('"RPI_PICO_W"', f'"{board}"'), ("[buses", said + "[buses")).get("outbox") == outbox


@pytest.mark.parametrize(
    ("board", "said", "led"),
    [
        ("RPI_PICO_W", "", {"name": "LED"}),
        ("RPI_PICO_W", "led = true\n", {"name": "LED"}),
        ("RPI_PICO_W", "led = false\n", None),
        ("RPI_PICO_W", "led = {pin = 15}\n", {"pin": 15}),
        ("ESP32_GENERIC", "", None),
        ("ESP32_GENERIC", "led = {pin = 2, inverted = true}\n", {"pin": 2, "inverted": True}),
    ],
)
def test_the_light_is_the_boards_own_unless_it_is_said(
    tmp_path: Path, board: str, said: str, led: dict[str, Any] | None
) -> None:
    assert settings_of(tmp_path, ('"RPI_PICO_W"', f'"{board}"'), ("[wifi]", said + "[wifi]")).get("led") == led


def test_a_light_that_the_board_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="line 5, led: ESP32_GENERIC has no light of its own; say which pin has one"):
        StationFile(write(tmp_path, ('"RPI_PICO_W"', '"ESP32_GENERIC"'), ("[wifi]", "led = true\n[wifi]")))


@pytest.mark.parametrize("name", ["RPI_PICO_W", "RPI_PICO2_W", "ESP32_GENERIC", "ESP32_GENERIC_S3", "ESP32_GENERIC_C3"])
def test_each_boards_own_buses_are_ones_that_it_can_have(name: str) -> None:
    board = load(name)
    buses = {f"{kind}{bus['id']}": {"kind": kind, **bus} for kind in ("i2c", "spi") for bus in getattr(board.pins, kind)}
    assert buses and list(pinout.faults(board, {"buses": buses})) == []


@pytest.mark.parametrize("board", [one for one in all_boards() if one.flashing.method != "none"], ids=lambda one: one.name)
def test_each_board_folder_has_a_station_to_copy(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WIFI_VARIABLE, "from-the-environment")
    path = tmp_path / "machine-42.toml"
    path.write_text((BOARDS / board.name / "station.toml").read_text(encoding="utf-8"))
    floor = Floor.make(tmp_path / "floor", ["broker.plant"], 8883, "127.0.0.1", None)
    floor.add("factory/floor-2/machine-42", mutual=False)
    one = StationFile(path).complete()
    assert (one.name, one.board, one.host, one.port) == ("factory/floor-2/machine-42", board, "broker.plant", 8883)
    settings = json.loads(one.settings.reveal())
    assert settings["buses"]["i2c0"] == board.pins.i2c[0]


def test_a_pico_refuses_what_its_spi_cannot_have() -> None:
    bus = {"kind": "spi", "id": 0, "sck": 18, "mosi": 16, "miso": 19}
    said = dict(pinout.faults(load("RPI_PICO_W"), {"buses": {"spi0": bus}}))
    assert said == {
        "buses.spi0.mosi": "pin 16 cannot be MOSI of SPI 0 on RPI_PICO_W; these can: 3, 7, 19",
        "buses.spi0.miso": "pin 19 cannot be MISO of SPI 0 on RPI_PICO_W; these can: 0, 4, 16, 20",
    }
