"""The --expect file: what it says, and all that is wrong with one at once."""

from pathlib import Path

import pytest

from floornode.contract.quantities import quantity
from floorsense.check import Expectation
from floorsense.errors import UsageError

BOARD = "factory/floor-2/machine-42"


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "expect.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as found:
        Expectation.load(path)
    assert "\n" not in str(found.value)
    return str(found.value)


def test_it_is_read(tmp_path: Path) -> None:
    expect = Expectation.load(written(tmp_path, f'[boards."{BOARD}".temperature]\nperiod = 0.5\nqos = 1\nhigh = 85\n'))
    assert expect.periods(BOARD) == {"temperature": 0.5}
    assert expect.qos(BOARD, "temperature") == 1
    assert expect.qos(BOARD, "pressure") is None
    assert expect.span(BOARD, quantity("temperature")) == (-60, 85)
    assert expect.span("factory/floor-2/other", quantity("temperature")) == (-60, 250)


def test_every_fault_is_named_at_once(tmp_path: Path) -> None:
    text = f"""
[bords]
[boards."factory/machine-42".temperature]
[boards."{BOARD}".temprature]
[boards."{BOARD}".temperature]
period = 0
qos = 3
low = true
color = "red"
[boards."{BOARD}".pressure]
low = 1000
high = 900
period = nan
"""
    found = refusal(written(tmp_path, text))
    for fault in (
        "unknown 'bords'",
        "'factory/machine-42' is not SITE/FLOOR/MACHINE",
        "unknown quantity 'temprature'",
        "temperature: period must be above 0",
        "temperature: qos must be 0, 1 or 2",
        "temperature: low must be a number",
        "temperature: unknown 'color'",
        "pressure: low 1000 is above high 900",
        "pressure: period must be a number",
    ):
        assert fault in found, fault


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it names no board"),
        ("boards = 3", "it names no board"),
        ('boards."a/b/c" = 3', "must be a table of quantities"),
        ('boards."a/b/c".temperature = 3', "must be a table of period"),
        ("boards.factory.floor.machine.temperature.qos = 1", "quote it"),
        ("[boards", "not TOML"),
        (b"\xff", "not UTF-8"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str | bytes, reason: str) -> None:
    assert reason in refusal(written(tmp_path, text))


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert "missing.toml: No such file" in refusal(tmp_path / "missing.toml")
    assert "directory" in refusal(tmp_path)
