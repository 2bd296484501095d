"""A floor's Mosquitto: a folder with its configuration, its own CA, and the identities of its boards.

    mosquitto.conf  access  passwords        what Mosquitto reads
    ca.pem  ca.key  server.pem  server.key   the floor's CA, and the broker's certificate by it
    revoked.pem                              certificates that no longer count
    host.secret                              the password of the host tools' identity
    boards/NAME.secret, NAME.pem, NAME.key   what a board is provisioned with
    floor.json                               what was asked for, and who is there
    data/                                    Mosquitto's own

Whatever is secret has mode 600.
"""

import datetime
import getpass
import ipaddress
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floornode.contract import topics
from floorsense.broker import passwords
from floorsense.broker.authority import (
    MAX_NAME,
    Pair,
    expiry_of,
    make_authority,
    make_client,
    make_server,
    revocations,
    serial_of,
)
from floorsense.broker.configuration import access_rules, configuration
from floorsense.errors import UsageError
from floorsense.secret import write_secret
from floorsense.wholefile import write_whole

HOST_USER = "floorsense"
PORT = 8883
_RECORD = "floor.json"
# The longest user name that a board takes (settings_rules).
_MAX_USER = 128
_LAST_PORT = 65535
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass
class Floor:
    """``names``: under which the broker is reached, the best first. ``boards``: their names, to what they prove themselves by.

    ``mutual_port``: where boards show a certificate instead of a password; None for nowhere. ``binds``: the address it has.
    """

    folder: Path
    names: list[str]
    port: int
    binds: str
    mutual_port: int | None = None
    boards: dict[str, str] = field(default_factory=dict)
    revoked: list[int] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> "Floor":
        """Raises UsageError where `floorsense broker init` was not run."""
        try:
            found: dict[str, Any] = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
            return cls(folder, **found)
        except FileNotFoundError:
            raise UsageError(f"{folder}: there is no broker; make one with `floorsense broker init {folder}`") from None
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{folder / _RECORD}: cannot be read: {error}") from error

    @classmethod
    def make(cls, folder: Path, names: Sequence[str], port: int, binds: str, mutual_port: int | None) -> "Floor":
        """A new one. Raises UsageError for a folder that has one already, and for names and addresses that are none."""
        if (folder / _RECORD).exists():
            raise UsageError(f"{folder}: there is a broker already; its boards trust its CA, so it is not made anew")
        if not _is_place(binds):
            raise UsageError(f"--listen {binds}: is no address of a machine, as 192.168.1.10 or 0.0.0.0 are")
        _check_names(names, binds)
        if mutual_port is not None and mutual_port > _LAST_PORT:
            raise UsageError(f"--port {port}: --mutual-tls takes the port above it as well, and there is none")
        floor = cls(folder, list(names), port, binds, mutual_port)
        try:
            for one in (folder, folder / "boards", folder / "data"):
                one.mkdir(parents=True, exist_ok=True)
                one.chmod(0o700)
            authority = make_authority(f"floorsense CA of {names[0]}"[:MAX_NAME])
            floor._keep("ca", authority)
            floor._keep("server", make_server(authority, names))
            write_secret(floor.host_secret, passwords.make_password().encode() + b"\n")
            floor._write()
        except OSError as error:
            raise UsageError(f"{error.filename or folder}: {error.strerror}") from error
        return floor

    @property
    def configuration(self) -> Path:
        return self.folder / "mosquitto.conf"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def pid_file(self) -> Path:
        return self.folder / "mosquitto.pid"

    @property
    def host_secret(self) -> Path:
        return self.folder / "host.secret"

    def secret_of(self, name: str) -> Path | None:
        """The file with the board's password, where it has one."""
        return self._file(name, ".secret") if self.boards.get(name) == "password" else None

    def pair_of(self, name: str) -> tuple[Path, Path] | None:
        """The files with the board's certificate and key, where it has them."""
        return (self._file(name, ".pem"), self._file(name, ".key")) if self.boards.get(name) == "certificate" else None

    def add(self, name: str, mutual: bool) -> bool:
        """An identity for the board ``name``. False where it has that already. Raises UsageError."""
        kind = "certificate" if mutual else "password"
        if self.boards.get(name) == kind:
            return False
        fault = _fault_of(name, mutual)
        if fault:
            raise UsageError(f"{name}: {fault}")
        if mutual and self.mutual_port is None:
            raise UsageError(f"{self.folder}: takes no client certificates; `broker init --mutual-tls` makes one that does")
        try:
            self._revoke(name)
            if mutual:
                pair = make_client(self._authority(), name)
                write_whole(self._file(name, ".pem"), pair.certificate)
                write_secret(self._file(name, ".key"), pair.key)
            else:
                write_secret(self._file(name, ".secret"), passwords.make_password().encode() + b"\n")
            self.boards[name] = kind
            self._write()
            self._discard(name, (".secret",) if mutual else (".pem", ".key"))
        except OSError as error:
            raise UsageError(f"{error.filename or self.folder}: {error.strerror}") from error
        return True

    def remove(self, name: str) -> bool:
        """Take the board's identity away. False where it has none. Raises UsageError."""
        if name not in self.boards:
            return False
        try:
            self._revoke(name)
            del self.boards[name]
            self._write()
            self._discard(name, (".secret", ".pem", ".key"))
        except OSError as error:
            raise UsageError(f"{error.filename or self.folder}: {error.strerror}") from error
        return True

    def renew(self, names: Sequence[str] = ()) -> None:
        """A new certificate for the broker, by the same CA, so that boards notice nothing; for other ``names``, where given.

        The revocation list is signed anew as well. Raises UsageError.
        """
        if names:
            _check_names(names, self.binds)
            self.names = list(names)
        try:
            self._keep("server", make_server(self._authority(), self.names))
            self._write()
        except OSError as error:
            raise UsageError(f"{error.filename or self.folder}: {error.strerror}") from error

    def expiry(self, name: str | None = None) -> datetime.date:
        """The last day of the broker's certificate, or of that of the board ``name``. Raises UsageError."""
        pair = self.pair_of(name) if name else None
        path = pair[0] if pair else self.folder / "server.pem"
        try:
            return expiry_of(path.read_bytes())
        except (OSError, ValueError) as error:
            raise UsageError(f"{path}: cannot be read: {error}") from error

    def _revoke(self, name: str) -> None:
        if pair := self.pair_of(name):
            self.revoked.append(serial_of(pair[0].read_bytes()))

    def _discard(self, name: str, suffixes: Sequence[str]) -> None:
        """Last: until the record is written the board is who it was."""
        for suffix in suffixes:
            self._file(name, suffix).unlink(missing_ok=True)

    def _write(self) -> None:
        """All that Mosquitto reads; the record of it last."""
        lines = [passwords.entry(HOST_USER, self._first_line(self.host_secret))]
        lines += self._kept_entries()
        write_secret(self.folder / "passwords", "".join(f"{line}\n" for line in lines).encode())
        write_secret(self.folder / "access", access_rules(HOST_USER, sorted(self.boards)).encode())
        write_whole(self.folder / "revoked.pem", revocations(self._authority(), self.revoked))
        text = configuration(self.folder.resolve(), self.binds, self.port, self.mutual_port, getpass.getuser())
        write_whole(self.configuration, text.encode())
        record = {key: value for key, value in vars(self).items() if key != "folder"}
        write_secret(self.folder / _RECORD, json.dumps(record, indent=2).encode() + b"\n")

    def _kept_entries(self) -> list[str]:
        names = sorted(name for name, kind in self.boards.items() if kind == "password")
        return [passwords.entry(name, self._first_line(self._file(name, ".secret"))) for name in names]

    def _first_line(self, path: Path) -> str:
        return path.read_text(encoding="utf-8").splitlines()[0]

    def _authority(self) -> Pair:
        return Pair(self.ca.read_bytes(), (self.folder / "ca.key").read_bytes())

    def _keep(self, name: str, pair: Pair) -> None:
        write_whole(self.folder / f"{name}.pem", pair.certificate)
        write_secret(self.folder / f"{name}.key", pair.key)

    def _file(self, name: str, suffix: str) -> Path:
        # A level has no slash, so that no two names share a file.
        return self.folder / "boards" / (name.replace("%", "%25").replace("/", "%2F") + suffix)


def is_loopback(place: str) -> bool:
    """Whether only this machine reaches that name or address."""
    return place in _LOOPBACK


def _check_names(names: Sequence[str], binds: str) -> None:
    """Raises UsageError for what no board could dial."""
    for name in names:
        if not _is_place(name):
            raise UsageError(f"--name {name}: write a bare host name or address")
        if name in ("0.0.0.0", "::"):
            raise UsageError(f"--name {name}: is where to listen; boards need the address of this machine")
    if not is_loopback(binds) and all(is_loopback(name) for name in names):
        raise UsageError(f"--listen {binds}: say by which name or address boards reach it: --name ADDRESS")


def _is_place(text: str) -> bool:
    """Whether it can be a host's name or address. What is made of digits alone is meant as an address."""
    if re.fullmatch(r"[0-9.]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*", text):
        try:
            ipaddress.ip_address(text)
        except ValueError:
            return False
        return True
    return re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", text) is not None


def _fault_of(name: str, mutual: bool) -> str | None:
    """Why a board of this name cannot have an identity, or None when it can."""
    try:
        topics.split(f"{name}/{topics.STATUS}")
    except ValueError:
        return "is not SITE/FLOOR/MACHINE"
    if ":" in name:
        return "has a ':', which Mosquitto's password file cannot take"
    if len(name.encode()) > _MAX_USER:
        return f"is longer than the {_MAX_USER} bytes of a user name"
    if mutual and len(name) > MAX_NAME:
        return f"is longer than the {MAX_NAME} characters of a certificate's name"
    return "is the host tools' own" if name == HOST_USER else None
