"""The firmware's libraries: fetched from the package index by name, held against a hash, unpacked into the build folder.

They are dependencies, installed and never copied into the repository. umqtt.simple is on the index as a source archive
without a setup.py, which pip refuses; the others are wheels whose own dependencies (all of Blinka) no board needs.
"""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from httpx2 import HTTPError
from unearth import PackageFinder
from unearth.auth import MultiDomainBasicAuth
from unearth.errors import HashMismatchError, UnpackError
from unearth.fetchers import PyPIClient

from floorsense.errors import FloorsenseError
from floorsense.paths import LIB

DEFAULT_INDEX = "https://pypi.org/simple"
TIME_LIMIT_S = 30.0


@dataclass(frozen=True)
class Library:
    """One pinned library: ``folder`` is what of it goes onto a board."""

    name: str
    version: str
    sha256: str
    folder: str


LIBRARIES = (
    Library(
        "micropython-umqtt.simple",
        "1.3.4",
        "b6a2520239e3992c63a7de9370ee9b3d9d27819a90359c521f1c0f7ccab8d12f",
        "umqtt",
    ),
    Library(
        "adafruit-circuitpython-bme280",
        "2.6.32",
        "f72a5bb9a3b61367a0fed2ad354841af373aaf7887c28477f6a789b228d34d05",
        "adafruit_bme280",
    ),
    Library(
        "adafruit-circuitpython-busdevice",
        "5.2.17",
        "5a834fbe0b88b07d20494bec566815da154aa4b1b668e2e665277b34b3578e44",
        "adafruit_bus_device",
    ),
)


def ensure_libraries(target: Path = LIB, libraries: Sequence[Library] | None = None) -> list[str]:
    """Have every library in ``target``, or ``libraries`` alone. Returns those fetched now; instant when none is missing.

    Raises FloorsenseError.
    """
    missing = [one for one in (LIBRARIES if libraries is None else libraries) if not _is_there(one, target)]
    if not missing:
        return []
    target.mkdir(parents=True, exist_ok=True)
    finder = _finder()
    for one in missing:
        _fetch(finder, one, target)
    return [f"{one.name} {one.version}" for one in missing]


def _stamp(one: Library, target: Path) -> Path:
    """The file that says which archive the folder beside it came from."""
    return target / f"{one.folder}.sha256"


def _is_there(one: Library, target: Path) -> bool:
    stamp = _stamp(one, target)
    return stamp.is_file() and stamp.read_text().strip() == one.sha256 and (target / one.folder).is_dir()


def _fetch(finder: PackageFinder, one: Library, target: Path) -> None:
    what = f"{one.name} {one.version}"
    # In the target's own file system: what is renamed into place appears whole or not at all.
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        try:
            unpacked = _download(finder, one, Path(scratch))
        except HashMismatchError as error:
            raise FloorsenseError(f"{what}: what came does not have the hash it should have; nothing was kept") from error
        except (UnpackError, shutil.ReadError) as error:
            raise FloorsenseError(f"{what}: what came cannot be unpacked: {error}".splitlines()[0]) from error
        except (HTTPError, OSError) as error:
            raise FloorsenseError(f"{what} cannot be fetched ({error or type(error).__name__}); is there a network?") from error
        source = next((path.parent for path in unpacked.rglob(f"{one.folder}/*.py")), None)
        if source is None:
            raise FloorsenseError(f"{what}: the archive has no folder {one.folder}")
        shutil.rmtree(target / one.folder, ignore_errors=True)
        source.rename(target / one.folder)
        _stamp(one, target).write_text(one.sha256 + "\n")


def _download(finder: PackageFinder, one: Library, scratch: Path) -> Path:
    hashes = {"sha256": [one.sha256]}
    found = finder.find_best_match(f"{one.name}=={one.version}", allow_yanked=True, hashes=hashes)
    if found.best is None:
        hosts = ", ".join(urlsplit(url).hostname or url for url in _indexes())
        raise FloorsenseError(
            f"{one.name} {one.version} with the hash it should have is not to be had from {hosts}; "
            "check the network, and the index that pip is configured with"
        )
    unpacked = scratch / "unpacked"
    unpacked.mkdir()
    found_at = finder.download_and_unpack(found.best.link, unpacked, hashes=hashes)
    if found_at.is_file():
        # unearth leaves wheels packed. This one's hash is right, so its paths are those we know.
        shutil.unpack_archive(found_at, unpacked, "zip")
    return unpacked


def _finder() -> PackageFinder:
    indexes = _indexes()
    session = PyPIClient(timeout=TIME_LIMIT_S)
    # An index that wants a password gets the one in its URL; nobody is asked for one while the bench waits.
    session.auth = MultiDomainBasicAuth(prompting=False, index_urls=indexes)
    # unearth's own default is of this class; only its annotations disagree.
    return PackageFinder(session, index_urls=indexes, ignore_compatibility=True)  # type: ignore[arg-type]


def _indexes() -> list[str]:
    """The indexes that pip is configured with: its variables, its files, or the public one."""
    found = [*(_configured("index-url") or DEFAULT_INDEX).split(), *_configured("extra-index-url").split()]
    for url in found:
        if urlsplit(url).scheme not in ("https", "http", "file"):
            raise FloorsenseError("pip is configured with an index that is no URL; see `pip config list`")
    return found


@functools.cache
def _configured(option: str) -> str:
    if value := os.environ.get("PIP_" + option.upper().replace("-", "_")):
        return value
    command = [sys.executable, "-m", "pip", "config", "get", f"global.{option}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout.strip()
