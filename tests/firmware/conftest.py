"""Runs each firmware test twice: under CPython as pytest does, and again under MicroPython.

`test_x.py::test_a` has the twin `test_x.py::micropython::test_a`. One MicroPython process runs all twins of a file, when
the first is asked for. A module's flags, plain strings at its top level:

- `CPYTHON_ONLY`, `MICROPYTHON_ONLY`: it runs under one of them only, and why;
- `UMQTT`: what of umqtt.simple it exercises. It runs once more, as `test_x.py::umqtt::test_a`, over the copy of
  umqtt.simple in the folder that FLOORSENSE_UMQTT names: micropython-lib's 1.8.0, which is not on the package index.
"""

import ast
import functools
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from floorsense.paths import BOARDS, FIRMWARE, LIB

HERE = Path(__file__).parent
FAKES = HERE.parent / "fakes"
FOLDERS = [HERE, FAKES, BOARDS / "SIMULATED", FIRMWARE, LIB]
NO_UMQTT = "FLOORSENSE_UMQTT names no folder with micropython-lib's umqtt/simple.py"

# At the end: these folders have a `machine` and a `micropython`, which must hide nothing from the host's tests.
sys.path += [str(folder) for folder in [*FOLDERS, FAKES / "cpython"]]
pytest.register_assert_rewrite("expect", "scripted")

from expect import Skip  # noqa: E402
from twins import Outcome, run  # noqa: E402


@dataclass(frozen=True)
class Source:
    """What a test file says without being run."""

    tests: list[str]
    flags: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> "Source":
        body = ast.parse(path.read_text(encoding="utf-8")).body
        tests = [node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")]
        flags = {
            node.targets[0].id: node.value.value
            for node in body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
            and isinstance(node.value.value, str)
        }
        return cls(tests, flags)


class Twice(pytest.Module):
    """A test file, under each Python that it is for."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        source = Source.read(self.path)
        if "MICROPYTHON_ONLY" not in source.flags:
            yield from super().collect()
        yield Twins.from_parent(self, name="micropython", source=source, skip=source.flags.get("CPYTHON_ONLY"))
        if "UMQTT" in source.flags:
            folder = Path(os.environ.get("FLOORSENSE_UMQTT", ""), "umqtt")
            skip = None if (folder / "simple.py").is_file() else NO_UMQTT
            yield Twins.from_parent(self, name="umqtt", source=source, skip=skip, first=folder.parent.resolve())


class Twins(pytest.Collector):
    """The tests of one file under MicroPython. ``first``: a folder to be imported from before all others."""

    def __init__(self, source: Source, skip: str | None, first: Path | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.source = source
        self.skip = skip
        self.folders = [first, *FOLDERS] if first else FOLDERS

    def collect(self) -> Iterator[pytest.Item]:
        for name in self.source.tests:
            twin = Twin.from_parent(self, name=name)
            if self.skip:
                twin.add_marker(pytest.mark.skip(reason=self.skip))
            yield twin

    @functools.cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """Every selected test of this file, run in one process."""
        names = [item.name for item in self.session.items if item.parent is self]
        factory: pytest.TempPathFactory = self.config._tmp_path_factory  # type: ignore[attr-defined]
        return run(self.path.stem, names, self.folders, factory.mktemp(self.path.stem))


class Twin(pytest.Item):
    """One test under MicroPython."""

    parent: Twins

    def runtest(self) -> None:
        outcome = self.parent.outcomes[self.name]
        sys.stdout.write(outcome.output)
        if outcome.kind == "skipped":
            pytest.skip(outcome.text)
        if outcome.kind != "passed":
            pytest.fail(outcome.text, pytrace=False)

    def reportinfo(self) -> tuple[Path, int, str]:
        # One place for all of a file, so that what is skipped for one reason is one line.
        return self.path, 0, f"{self.parent.name}: {self.name}"


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Twice:
    module: Twice = Twice.from_parent(parent, path=module_path)
    return module


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Any:
    try:
        return (yield)
    except Skip as reason:
        pytest.skip(str(reason))


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test writes to its current folder, a board's flash, meets no other test's."""
    monkeypatch.chdir(tmp_path)
