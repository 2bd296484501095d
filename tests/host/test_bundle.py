"""Modules that are merged do what they did: a small tree is run before and after, and its names are looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

from floorsense.toolchain.bundle import BUNDLES, bundled
from floorsense.toolchain.micropython import find_micropython

SOURCES = {
    "node/__init__.py": """VERSION = "3"
""",
    "node/signs.py": """'''Signs.'''
from micropython import const

PLUS = const(7)
_EDGE = const(PLUS << 2)
WORD = "sign"
SHADES = (PLUS, 9)


def edge(signs):
    '''Its own name is that of a local one elsewhere.'''
    return signs + _EDGE
""",
    "node/counter.py": """import math

from . import VERSION, signs
from .signs import PLUS as BEGIN
from .signs import edge as rim

_EDGE = [0]
count = 0


class Counter:
    PLUS = 1
    both = PLUS + 1

    def __init__(self, by=BEGIN):
        self.by = by

    def step(self, edge):
        global count
        count += self.by
        _EDGE[0] = edge
        return count, rim(edge), signs.PLUS, VERSION

    def many(self, *signs):
        return [signs for signs in signs if signs != BEGIN], (lambda BEGIN: BEGIN)(5), math.floor(2.5)


def late():
    from . import lazy
    from .signs import WORD, edge

    return lazy.words(WORD), edge(0), _EDGE
""",
    "node/lazy.py": """from . import counter
from .signs import SHADES, WORD


def words(word):
    return word + WORD, counter.BEGIN, SHADES, counter.count
""",
    "main.py": """from node.counter import Counter, late

one = Counter()
print(one.step(2), one.step(edge=3), Counter.both, one.many(1, 7, 8), late())
""",
}
MERGED = {"node.core": ("node.counter", "node.signs")}


def run(program: list[str], sources: dict[str, str], folder: Path) -> str:
    for name, text in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    done = subprocess.run([*program, "main.py"], cwd=folder, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_merged_does_what_it_did(tmp_path: Path) -> None:
    micropython = [str(find_micropython())]
    before = run(micropython, SOURCES, tmp_path / "before")
    assert before.strip() == "(7, 30, 7, '3') (14, 31, 7, '3') 2 ([1, 8], 5, 2) (('signsign', 7, (7, 9), 14), 28, [3])"
    after = bundled(SOURCES, MERGED)
    assert run(micropython, after, tmp_path / "after") == before
    shim = {"micropython.py": "def const(value):\n    return value\n"}
    assert run([sys.executable], {**after, **shim}, tmp_path / "cpython") == before


def test_a_constant_is_no_name_any_more() -> None:
    text = bundled(SOURCES, MERGED)["node/core.py"]
    assert "_PLUS = const(7)" in text and "__EDGE" not in text
    assert "signs.PLUS" not in text and "BEGIN" not in text.replace("lambda BEGIN: BEGIN", "")


def test_what_is_tried_is_tried_in_the_bundle_and_no_door_has_it(tmp_path: Path) -> None:
    tried = "try:\n    from nowhere import brim\nexcept ImportError:\n    brim = None\n"
    sources = {
        **SOURCES,
        "node/signs.py": tried + SOURCES["node/signs.py"],
        "node/counter.py": tried + SOURCES["node/counter.py"],
    }
    after = bundled(sources, MERGED)
    assert "brim" not in after["node/signs.py"]
    assert run([str(find_micropython())], after, tmp_path).startswith("(7, 30, 7, '3')")


def test_two_names_that_are_the_same_are_kept_apart() -> None:
    text = bundled(SOURCES, MERGED)["node/core.py"]
    assert "_EDGE = [0]" in text and "_signs_EDGE = const(28)" in text


def test_what_a_local_name_would_hide_has_another() -> None:
    text = bundled(SOURCES, MERGED)["node/core.py"]
    assert "def signs_edge(signs):" in text and "signs_edge(edge)" in text


def test_who_imports_a_merged_module_is_turned_to_the_bundle() -> None:
    after = bundled(SOURCES, MERGED)
    assert "import node.core as counter" in after["node/lazy.py"] and "counter.count" in after["node/lazy.py"]
    assert "from node.core import SHADES" in after["node/lazy.py"] and "from .signs" not in after["node/lazy.py"]
    assert after["main.py"].startswith("from node.core import Counter")


def test_a_merged_module_is_left_as_a_door() -> None:
    door = bundled(SOURCES, MERGED)["node/signs.py"]
    assert door == "PLUS = 7\nfrom node.core import SHADES as SHADES\nWORD = 'sign'\nfrom node.core import signs_edge as edge\n"


def test_what_touches_no_bundle_stays_as_it_is() -> None:
    apart = {"other.py": "# a comment\nx = 1\n"}
    assert bundled({**SOURCES, **apart}, MERGED)["other.py"] == apart["other.py"]


def test_what_is_built_in_is_not_hidden_by_what_is_merged(tmp_path: Path) -> None:
    sources = {
        "node/__init__.py": "",
        "node/door.py": "def open(door):\n    return 'open ' + door\n\n\ndef abs(door):\n    return door\n",
        "node/reader.py": "from . import door\n\nwhat = open('main.py').read()[:4], abs(-3), door.open('door')\n",
        "main.py": "from node import reader\n\nprint(reader.what)\n",
    }
    after = bundled(sources, {"node.core": ("node.door", "node.reader")})
    assert run([str(find_micropython())], after, tmp_path) == "('impo', 3, 'open door')\n"


def test_what_is_merged_is_one_of_the_steps_of_its_package() -> None:
    package = {"node/__init__.py": 'STEPS = ("signs", "lazy", "counter")\n'}
    assert bundled({**SOURCES, **package}, MERGED)["node/__init__.py"] == "STEPS = ('core', 'lazy')"


def test_a_text_that_is_no_python_is_left_to_the_compiler() -> None:
    assert bundled({**SOURCES, "broken.py": "def :\n"}, MERGED)["broken.py"] == "def :\n"


@pytest.mark.parametrize("bundle", BUNDLES)
def test_a_bundle_of_the_firmware_names_each_module_once(bundle: str) -> None:
    assert len(set(BUNDLES[bundle])) == len(BUNDLES[bundle])
