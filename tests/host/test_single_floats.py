"""T37 on boards whose floats have 24 bits: what the firmware says of times, boots and numbers is what it says with 53."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from floorsense.paths import BOARDS, FIRMWARE, LIB

TESTS = Path(__file__).parents[1]
FOLDERS = [TESTS / "fakes", TESTS / "firmware", BOARDS / "SIMULATED", FIRMWARE, LIB, TESTS / "fakes" / "cpython"]
Said = list[tuple[str, dict[str, Any], str]]


def life(floats: str, unix_ms: int, cwd: Path) -> Said:
    """All that a station said in its life with such floats, as (topic, fields, the very text)."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, FOLDERS))}
    command = [sys.executable, str(TESTS / "fakes" / "single_life.py"), floats, str(unix_ms)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split(" ", 2) for line in done.stdout.splitlines() if line.startswith("SAID ")]
    return [(topic, json.loads(text), text) for _, topic, text in lines]


# Today; the era that NTP begins in 2036; after 2038; after 2100.
@pytest.mark.parametrize("unix_ms", [1795600000125, 2085978496500, 2147483648001, 4102444800777])
def test_T37_a_boards_float_touches_no_time_and_no_number(unix_ms: int, tmp_path: Path) -> None:
    double, single = life("double", unix_ms, tmp_path), life("single", unix_ms, tmp_path)
    assert len(double) == len(single) > 300
    dated = 0
    for (topic, one, one_text), (other_topic, other, other_text) in zip(double, single, strict=True):
        assert topic == other_topic
        if "value" not in one:
            # Status and health have nothing but whole numbers and their decimals.
            assert one_text == other_text
            continue
        # ts with its last millisecond, boot and seq with their last unit: as text, for a float here could hide it.
        assert one_text.partition('"unit"')[2] == other_text.partition('"unit"')[2]
        if one["value"] is not None:
            assert other["value"] == pytest.approx(one["value"], abs=0.011, rel=2e-6)
        dated += "clock-not-set" not in one.get("quality", [])
    assert dated > 250
    assert max(fields["seq"] for _, fields, _ in single if "seq" in fields) > 4294966000
    assert {fields["boot"] for _, fields, _ in single} == {4294967290}


def test_the_stand_in_rounds_as_a_board_does() -> None:
    sys.path.insert(0, str(TESTS / "fakes"))
    try:
        from single import Single, divided, rounded
    finally:
        sys.path.pop(0)
    assert Single(0.1) != 0.1
    assert rounded(16777217) == 16777216
    assert Single(1706900000.125) == 1706899968
    assert Single(1.0) + 1706900000 == 1706899968
    assert divided(1706900000125, 1000) == 1706900096
    assert isinstance(3 * Single(0.5) - 1, Single)


def test_a_float_in_a_time_would_be_seen(tmp_path: Path) -> None:
    """The proof proves something: with a clock that divides, the texts differ."""
    broken = tmp_path / "floornode"
    for path in sorted((FIRMWARE / "floornode").rglob("*.py")):
        copy = broken / path.relative_to(FIRMWARE / "floornode")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    clock = broken / "clock.py"
    right = "        ms = up + self._ahead\n"
    assert right in clock.read_text()
    clock.write_text(clock.read_text().replace(right, "        ms = int((up + self._ahead) / 1)\n"))
    saved = FOLDERS[:]
    FOLDERS.insert(0, tmp_path)
    try:
        double, single = life("double", 1795600000125, tmp_path), life("single", 1795600000125, tmp_path)
    finally:
        FOLDERS[:] = saved
    assert [text for _, _, text in double] != [text for _, _, text in single]
