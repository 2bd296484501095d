"""STATION.toml: who and where a board is, in the words of its settings.json, without its secrets.

It has the keys of settings.json (docs/settings.md), and besides: ``fleet``, how many boards come back at once when the broker
does; ``broker.folder``, the folder that `floorsense broker init` made; ``wifi.password_file`` and ``broker.password_file``.
``broker.tls`` names files of this computer, beside STATION.toml; the board gets them too.
"""

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floornode import settings
from floorsense import boards
from floorsense.boards import Board
from floorsense.broker.floor import Floor
from floorsense.errors import UsageError
from floorsense.fleet import first_window_ms
from floorsense.provisioning import pinout
from floorsense.provisioning.toml_lines import TomlLines
from floorsense.provisioning.trust import FOLDER, KEYS, Trust
from floorsense.secret import Secret, find_secret, read_secret

WIFI_VARIABLE = "FLOORSENSE_WIFI_PASSWORD"
BROKER_VARIABLE = "FLOORSENSE_BOARD_PASSWORD"

# In place of a secret that is not known yet, so that all else can be checked; never written anywhere.
_STAND_IN = "x" * 8
# The keys that settings.json does not have, by section.
_OWN = {"": ("fleet",), "wifi": ("password_file", "open"), "broker": ("password_file", "folder")}


@dataclass(frozen=True)
class Station:
    """What a board is to be. ``settings`` is the text of its settings.json, with the secrets; ``trust``: what it speaks TLS by,
    None where it does not; ``files``: of its flash, by their path."""

    path: Path
    name: str
    board: Board
    host: str
    port: int
    user: str | None
    password: Secret | None
    floor: Floor | None
    settings: Secret = field(repr=False)
    trust: Trust | None = None
    drivers: frozenset[str] = frozenset()
    files: dict[str, Secret] = field(default_factory=dict, repr=False)


class StationFile:
    """A STATION.toml that is right but for its secrets, which ``complete`` finds. Raises UsageError with all its faults."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
            self._found = tomllib.loads(text)
        except OSError as error:
            raise UsageError(f"{path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"{path}: not UTF-8 (byte {error.start})") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path}: not TOML: {error}") from error
        self._lines = TomlLines(text)
        self.faults: list[str] = []
        self.floor: Floor | None = None
        self._trust: Trust | None = None
        self._secret_files: dict[str, Path] = {}
        self._board: Board | None = None
        self._read()
        if self.faults:
            raise UsageError(f"{path}: " + "; ".join(self.faults))

    @property
    def name(self) -> str:
        """SITE/FLOOR/MACHINE."""
        return _name(self._found)

    def complete(self) -> Station:
        """Find the secrets. Raises UsageError where one is not to be had, or cannot be one."""
        wanted: dict[str, Any] = json.loads(json.dumps(self._wanted))
        wifi, broker = wanted.get("wifi"), wanted["broker"]
        if wifi is not None and wifi.get("password") == _STAND_IN:
            what = f"the Wi-Fi password of {wifi['ssid']!r}"
            wifi["password"] = find_secret(what, WIFI_VARIABLE, self._secret_files.get("wifi")).reveal()
        password = None
        if self.floor is not None and broker.get("user") == self.name and self.name not in self.floor.boards:
            raise UsageError(
                f"{self.path}: the broker of {self.floor.folder} does not know {self.name}; `floorsense broker add {self.path}`"
            )
        files = {}
        if self._trust is not None:
            given = self._trust.files()
            broker["tls"] = {key: name for key, (name, _) in given.items()}
            files = {f"/{name}": text for name, text in given.values()}
        if broker.get("user") is not None:
            what = f"the board's password at the broker ({broker['user']})"
            path = self._secret_files.get("broker")
            kept = self.floor.secret_of(self.name) if self.floor and not path else None
            password = read_secret(kept) if kept else find_secret(what, BROKER_VARIABLE, path)
            broker["password"] = password.reveal()
        assert self._board is not None
        try:
            parsed = settings.parse(json.loads(json.dumps(wanted)))
        except settings.SettingsError as error:
            raise UsageError(f"{self.path}: a secret cannot be used: " + "; ".join(error.faults)) from None
        return Station(
            path=self.path,
            name=self.name,
            board=self._board,
            host=broker["host"],
            port=parsed.broker.port,
            user=broker.get("user"),
            password=password,
            floor=self.floor,
            settings=Secret(json.dumps(wanted, separators=(",", ":"))),
            trust=self._trust,
            drivers=frozenset(one["driver"] for one in wanted["sensors"]),
            files=files,
        )

    def _read(self) -> None:
        wanted: dict[str, Any] = json.loads(json.dumps(self._found, default=str))
        self._load_board(wanted)
        self._put_light(wanted)
        self._put_outbox(wanted)
        fleet = wanted.pop("fleet", 1)
        if not isinstance(fleet, int) or isinstance(fleet, bool) or not 1 <= fleet <= 100_000:
            self._fault("fleet", "must be a whole number from 1 to 100000: the boards that come back at once")
            fleet = 1
        for section, can_be_open in (("wifi", False), ("broker", True)):
            if isinstance(wanted.get(section), dict):
                self._take_secret(section, wanted[section], can_be_open)
        if isinstance(wanted.get("broker"), dict):
            self._take_floor(wanted["broker"], wanted)
            self._put_fleet(wanted["broker"], fleet)
        try:
            settings.parse(json.loads(json.dumps(wanted)))
        except settings.SettingsError as error:
            for fault in error.faults:
                where, _, what = fault.partition(": ")
                self._fault(where, _own_words(where, what))
        if self._board is not None:
            for where, what in pinout.faults(self._board, wanted):
                self._fault(where, what)
        self._wanted = wanted

    def _take_secret(self, name: str, section: dict[str, Any], optional: bool) -> None:
        if "password" in section:
            text = f"does not belong into a file that is shared; set {WIFI_VARIABLE if name == 'wifi' else BROKER_VARIABLE}, "
            self._fault(f"{name}.password", text + f"or write {name}.password_file")
        file = section.pop("password_file", None)
        is_open = section.pop("open", False) if name == "wifi" else False
        if is_open not in (True, False):
            self._fault(f"{name}.open", "must be true or false")
        if file is not None and not isinstance(file, str):
            self._fault(f"{name}.password_file", "must be the name of a file")
        elif file is not None:
            self._secret_files[name] = self.path.parent / file
        if not optional and not is_open:
            section["password"] = _STAND_IN

    def _take_floor(self, broker: dict[str, Any], wanted: dict[str, Any]) -> None:
        """What `floorsense broker init` and `add` decided, where the file does not say otherwise."""
        folder = broker.pop("folder", None)
        if folder is not None and not isinstance(folder, str):
            self._fault("broker.folder", "must be the name of a folder")
        elif folder is not None:
            try:
                self.floor = Floor.load(self.path.parent / folder)
            except UsageError as error:
                self._fault("broker.folder", str(error))
        if self.floor is not None:
            name = _name(wanted)
            pair = self.floor.pair_of(name)
            broker.setdefault("host", self.floor.names[0])
            broker.setdefault("port", self.floor.mutual_port if pair else self.floor.port)
            if pair is None:
                broker.setdefault("user", name)
            if "tls" in broker:
                self._fault("broker.tls", "broker.folder says it already; leave one of them out")
            self._put_trust(broker, Trust(self.floor.ca, *(pair or ())))
        else:
            self._take_trust(broker)
        if broker.get("user") is not None:
            broker["password"] = _STAND_IN

    def _take_trust(self, broker: dict[str, Any]) -> None:
        """The files that ``broker.tls`` names."""
        tls = broker.get("tls")
        given = {key: tls.pop(key) for key in KEYS if isinstance(tls.get(key), str)} if isinstance(tls, dict) else {}
        if "ca" in given:
            self._put_trust(broker, Trust(**{key: self.path.parent / name for key, name in given.items()}))

    def _put_trust(self, broker: dict[str, Any], trust: Trust) -> None:
        """In place of the files' names here, the settings have what the board will call them."""
        self._trust = trust
        for key, what in trust.faults().items():
            self._fault(f"broker.tls.{key}", what)
        left = broker["tls"] if isinstance(broker.get("tls"), dict) else {}
        broker["tls"] = {**left, **{key: f"{FOLDER}/{key}.pem" for key in KEYS if getattr(trust, key) is not None}}

    def _put_fleet(self, broker: dict[str, Any], fleet: int) -> None:
        if fleet > 1 and "first_window_ms" not in broker:
            broker["first_window_ms"] = first_window_ms(fleet)

    def _put_light(self, wanted: dict[str, Any]) -> None:
        """The board's own light, unless the file says another, or false for none."""
        found = wanted.get("led", True)
        if not isinstance(found, bool):
            return
        own = self._board.pins.led if self._board else None
        if found and own is not None:
            wanted["led"] = {"name": own} if isinstance(own, str) else {"pin": own}
            return
        if wanted.pop("led", False) and self._board:
            self._fault("led", f"{self._board.name} has no light of its own; say which pin has one: led = {{pin = 2}}")

    def _put_outbox(self, wanted: dict[str, Any]) -> None:
        """The ring of a board with a small heap, unless the file says another."""
        outbox = wanted.get("outbox", {})
        if self._board is not None and self._board.outbox_capacity and isinstance(outbox, dict):
            wanted["outbox"] = {"capacity": self._board.outbox_capacity, **outbox}

    def _load_board(self, wanted: dict[str, Any]) -> None:
        name = wanted.get("board")
        if isinstance(name, str):
            try:
                self._board = boards.load(name)
            except UsageError as error:
                self._fault("board", str(error))

    def _fault(self, where: str, what: str) -> None:
        line = self._lines.of(where)
        self.faults.append(f"{f'line {line}, ' if line else ''}{where}: {what}")


def _name(found: dict[str, Any]) -> str:
    return "/".join(str(found.get(key)) for key in ("site", "floor", "machine"))


def _own_words(where: str, what: str) -> str:
    """What settings.py says of a key that it does not know, with the keys that there are here."""
    said, unknown, known = what.partition("is unknown; known are ")
    section = where.rpartition(".")[0]
    if not unknown or section not in _OWN:
        return what
    names = [name for name in known.split(", ") if name != "password"] + list(_OWN[section])
    return f"{said}{unknown}{', '.join(names)}"
