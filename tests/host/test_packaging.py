"""How MicroPython's own tools take the firmware: nothing is forgotten in the manifest, nor in package.json."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from floornode import VERSION
from floorsense.paths import FIRMWARE, LIB
from floorsense.toolchain.libraries import LIBRARIES

PACKAGE = json.loads((FIRMWARE / "package.json").read_text(encoding="utf-8"))


def ours() -> set[str]:
    """launcher.py and packed.py start one of two firmwares: neither image nor mip has two. code.py is CircuitPython's."""
    others = {"code.py", "launcher.py", "manifest.py", "packed.py"}
    return {str(path.relative_to(FIRMWARE)) for path in FIRMWARE.rglob("*.py")} - others


def frozen() -> tuple[dict[str, Any], set[str]]:
    """What the manifest says of itself, and the files it freezes, by the rules of MicroPython's manifestfile.py."""
    said: dict[str, Any] = {}
    files: set[str] = set()

    def package(name: str, base_path: str = ".", opt: int | None = None) -> None:
        base = (FIRMWARE / base_path).resolve()
        files.update(str(path.relative_to(base)) for path in (base / name).rglob("*.py"))

    def module(name: str) -> None:
        assert (FIRMWARE / name).is_file()
        files.add(name)

    words = {"metadata": lambda **given: said.update(given), "include": lambda _path: None, "require": lambda _name: None}
    exec((FIRMWARE / "manifest.py").read_text(encoding="utf-8"), {**words, "package": package, "module": module})
    return said, files


def test_the_manifest_freezes_the_firmware_and_all_it_runs_on() -> None:
    said, files = frozen()
    fetched = {str(path.relative_to(LIB)) for one in LIBRARIES for path in (LIB / one.folder).rglob("*.py")}
    assert fetched
    assert files == ours() | fetched
    assert said["version"] == VERSION


def test_mip_installs_the_firmware_file_by_file() -> None:
    placed = {target: source for target, source in PACKAGE["urls"] if not urlsplit(source).scheme}
    circuitpython = {"floornode/ports/circuitpython.py", "floornode/ports/nvm_counter.py"}
    assert set(placed) == ours() - {"main.py"} - circuitpython
    # Relative to package.json, as mip reads them since MicroPython 1.25.
    assert all(Path(target) == Path(source) for target, source in placed.items())
    assert PACKAGE["version"] == VERSION


def test_mip_takes_the_very_versions_that_are_pinned_here() -> None:
    versions = {one.folder: one.version for one in LIBRARIES}
    for target, source in PACKAGE["urls"]:
        if urlsplit(source).scheme:
            folder = target.split("/")[0]
            assert source.endswith(f"/{versions[folder]}/{target}"), source
            assert (LIB / target).is_file()
    assert PACKAGE["deps"] == [["umqtt.simple", "latest"]]
