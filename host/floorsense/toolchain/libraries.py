"""The firmware's libraries: fetched from the package index by name, held against a hash, unpacked into the build folder.

They are dependencies, installed and never copied into the repository. umqtt.simple is on the index as a source archive
without a setup.py, which pip refuses; the others are wheels whose own dependencies (all of Blinka) no board needs.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from unearth import PackageFinder
from unearth.errors import UnpackError

from floorsense.errors import FloorsenseError
from floorsense.paths import LIB

DEFAULT_INDEX = "https://pypi.org/simple"


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


def ensure_libraries(target: Path = LIB) -> list[str]:
    """Have every library in ``target``. Returns the names of those fetched now; instant when none is missing."""
    missing = [one for one in LIBRARIES if _stamp(one, target) != one.sha256]
    if not missing:
        return []
    target.mkdir(parents=True, exist_ok=True)
    finder = PackageFinder(index_urls=_indexes(), ignore_compatibility=True)
    for one in missing:
        _fetch(finder, one, target)
    return [f"{one.name} {one.version}" for one in missing]


def _stamp(one: Library, target: Path) -> str:
    stamp = target / f"{one.folder}.sha256"
    return stamp.read_text().strip() if stamp.is_file() and (target / one.folder).is_dir() else ""


def _fetch(finder: PackageFinder, one: Library, target: Path) -> None:
    what = f"{one.name} {one.version}"
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        try:
            found = finder.find_best_match(f"{one.name}=={one.version}", allow_yanked=True, hashes={"sha256": [one.sha256]})
            if found.best is None:
                raise FloorsenseError(
                    f"{what} is not on the package index {', '.join(_indexes())} with the hash it should have; "
                    "check the network, or the index that pip is configured with"
                )
            unpacked = finder.download_and_unpack(found.best.link, scratch, hashes={"sha256": [one.sha256]})
        except UnpackError as error:
            raise FloorsenseError(f"{what}: what came is not what was pinned: {error}") from error
        except OSError as error:
            raise FloorsenseError(f"{what} cannot be fetched: {error}; is there a network?") from error
        except Exception as error:
            # unearth lets its HTTP library's errors through, whichever that is.
            if type(error).__module__.split(".")[0] not in ("httpx", "requests", "urllib3"):
                raise
            raise FloorsenseError(f"{what} cannot be fetched ({type(error).__name__}); is there a network?") from error
        for wheel in Path(scratch).rglob("*.whl"):
            # Left packed by unearth. Its hash is right, so its paths are those we know.
            shutil.unpack_archive(wheel, unpacked := Path(scratch, "wheel"), "zip")
        source = next(Path(unpacked).rglob(f"{one.folder}/*.py"), None)
        if source is None:
            raise FloorsenseError(f"{what}: the archive has no folder {one.folder}")
        shutil.rmtree(target / one.folder, ignore_errors=True)
        source.parent.rename(target / one.folder)
        (target / f"{one.folder}.sha256").write_text(one.sha256 + "\n")


def _indexes() -> list[str]:
    """The index that pip is configured with: its variable, its file, or the public one."""
    if url := os.environ.get("PIP_INDEX_URL"):
        return [url]
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return [asked.stdout.strip() or DEFAULT_INDEX]
