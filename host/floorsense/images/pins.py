"""The hashes that somebody vouches for, each computed from a file in hand: a SHA256SUMS file, which ``sha256sum -c`` reads.

floorsense ships none: whoever pins an image has looked at where it came from.
"""

import hashlib
import os
import re
from pathlib import Path

from floorsense.errors import BoardError, UsageError
from floorsense.wholefile import write_whole

PINS_VARIABLE = "FLOORSENSE_PINS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_LIMIT = 1 << 20


def file() -> Path:
    """FLOORSENSE_PINS, or SHA256SUMS in XDG's configuration folder of floorsense."""
    if named := os.environ.get(PINS_VARIABLE):
        return Path(named)
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "floorsense" / "SHA256SUMS"


def read() -> dict[str, str]:
    """Hash by file name. Raises UsageError with the line that is none of sha256sum's."""
    try:
        with file().open(encoding="utf-8") as source:
            lines = source.read(_LIMIT).splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"pins {file()}: cannot be read: {error}") from error
    pins = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            found = _LINE.fullmatch(line.strip())
            if not found:
                raise UsageError(f"pins {file()}, line {number}: must be a SHA-256, two blanks and a file name")
            pins[found[2]] = found[1]
    return pins


def pin(name: str, sha256: str, replace: bool = False) -> bool:
    """Record it; False when it was there already. Raises BoardError when ``name`` has another hash and not ``replace``."""
    pins = read()
    if pins.get(name) == sha256:
        return False
    if name in pins and not replace:
        raise BoardError(
            f"{name} is pinned as {pins[name]}, and this file is {sha256}: one of the two is wrong; --replace takes it"
        )
    pins[name] = sha256
    path = file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, "".join(f"{digest}  {name}\n" for name, digest in sorted(pins.items())).encode())
    except OSError as error:
        raise UsageError(f"pins {path}: cannot be written: {error.strerror}") from error
    return True


def sha256(path: Path) -> str:
    """Of a file in hand. Raises UsageError."""
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"image {path}: {error.strerror}") from error
