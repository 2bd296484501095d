"""The runner of firmware tests under MicroPython: a test that fails there fails here, whatever way it goes."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FIRMWARE_TESTS = Path(__file__).parents[1] / "firmware"


@pytest.fixture(scope="module")
def twins() -> ModuleType:
    spec = importlib.util.spec_from_file_location("twins_under_test", FIRMWARE_TESTS / "twins.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def outcomes(twins, tmp_path):
    """Runs a test file of this text; the outcomes of all its tests."""

    def run(text: str, limit_s: float = 20):
        (tmp_path / "test_made_up.py").write_text(text)
        names = [line[4:].split("(")[0] for line in text.splitlines() if line.startswith("def test_")]
        return twins.run("test_made_up", names, [tmp_path, FIRMWARE_TESTS], tmp_path, limit_s)

    return run


def test_each_test_has_its_own_outcome_and_output(outcomes):
    found = outcomes(
        "from expect import Skip\n"
        "def test_a(): print('hello')\n"
        "def test_b(): assert 1 == 2, 'one is not two'\n"
        "def test_c(): raise Skip('no vectors here')\n"
    )
    assert (found["test_a"].kind, found["test_a"].output) == ("passed", "hello\n")
    assert (found["test_b"].kind, found["test_b"].text) == ("failed", "AssertionError: one is not two")
    assert 'test_made_up.py", line 3, in test_b' in found["test_b"].output
    assert (found["test_c"].kind, found["test_c"].text) == ("skipped", "no vectors here")


def test_a_test_that_leaves_the_vm_fails_alone(outcomes):
    found = outcomes("import sys\ndef test_a(): sys.exit(0)\ndef test_b(): pass\n")
    assert [found[name].kind for name in ("test_a", "test_b")] == ["failed", "passed"]


def test_a_vm_that_dies_fails_this_test_and_all_after_it(outcomes):
    found = outcomes(
        "import os\n"
        "def test_a(): pass\n"
        "def test_b():\n"
        "    print('last words')\n"
        "    os.system('kill -9 $PPID')\n"
        "def test_c(): pass\n"
    )
    assert [found[name].kind for name in ("test_a", "test_b", "test_c")] == ["passed", "failed", "failed"]
    for name in ("test_b", "test_c"):
        assert found[name].text == "MicroPython ended with code -9 during test_b"
        assert "last words" in found[name].output


def test_a_vm_that_hangs_is_ended_at_its_limit(outcomes):
    found = outcomes("def test_a(): pass\ndef test_b():\n    while True: pass\n", limit_s=1)
    assert found["test_a"].kind == "passed"
    assert found["test_b"].text == "MicroPython was not done within 1 s during test_b"


def test_a_file_that_does_not_import_fails_all_its_tests(outcomes):
    found = outcomes("import nowhere\ndef test_a(): pass\n")
    assert found["test_a"].kind == "failed"
    assert "no module named 'nowhere'" in found["test_a"].output
