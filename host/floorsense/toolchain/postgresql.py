"""PostgreSQL's programs on this machine: found, or installed where that asks nobody for a password."""

import os
import shutil
from pathlib import Path

from floorsense.toolchain.mosquitto import install_package

# Debian keeps the server's programs out of everybody's PATH, a folder a version.
_DEBIAN = Path("/usr/lib/postgresql")
_PLACES = (Path("/opt/homebrew/opt/postgresql/bin"), Path("/usr/local/opt/postgresql/bin"), Path("/usr/local/pgsql/bin"))


def find_postgresql() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, of the newest version, or None."""
    versions = sorted(_DEBIAN.glob("*/bin"), key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    on_path = shutil.which("initdb")
    places = [*reversed(versions), *([Path(on_path).parent] if on_path else []), *_PLACES]
    return next((place for place in places if os.access(place / "initdb", os.X_OK) and (place / "postgres").is_file()), None)


def install_postgresql() -> bool:
    """Install it where that needs no password, without starting a server. True when it is there afterwards."""
    install_package("postgresql")
    return find_postgresql() is not None
