"""Secrets, from where nobody else reads them: the environment, a file of mode 600, or a person at the keyboard."""

import os
import stat
import sys
from getpass import getpass
from pathlib import Path

from floorsense.errors import UsageError
from floorsense.wholefile import write_whole

_LONGEST = 4096


class Secret:
    """A text that shows itself to nobody who does not ask for it by name."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"


def find_secret(what: str, variable: str, path: Path | None) -> Secret:
    """``what`` is asked for: from the environment's ``variable``, else the file ``path``, else a person.

    Raises UsageError where none of them can say it.
    """
    if text := os.environ.get(variable):
        return Secret(text)
    if path is not None:
        return read_secret(path)
    if sys.stdin.isatty():
        return Secret(getpass(f"{what}: "))
    raise UsageError(f"{what}: set {variable}, name a file of mode 600 in STATION.toml, or run it where it can be asked for")


def read_secret(path: Path) -> Secret:
    """The first line of a file that only its owner can read. Raises UsageError."""
    data = read_private(path)
    try:
        text = data.decode().splitlines()[0] if data.strip() else ""
    except UnicodeDecodeError:
        text = ""
    if not text:
        raise UsageError(f"{path}: has no secret in its first line; write it there as UTF-8 text")
    return Secret(text)


def read_private(path: Path) -> bytes:
    """The beginning of a file that only its owner can read, a password or a key. Raises UsageError."""
    try:
        with path.open("rb") as file:
            # Of the file that is open, so that nobody can change it in between.
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_LONGEST)
    except OSError as error:
        raise UsageError(f"{path}: the secret in it cannot be read: {error.strerror}") from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise UsageError(f"{path}: others can read the secret in it (mode {stat.S_IMODE(mode):o}); chmod 600 it")
    return data


def write_secret(path: Path, data: bytes) -> None:
    """Make a file that only its owner can read, whole or not at all. Raises OSError."""
    write_whole(path, data, 0o600)
