"""docs/sensors.md adds a sensor: taken from the page as it is written there, it runs on a board."""

import json
import os
import re
import shutil
import time
from pathlib import Path
from typing import Any

from floorsense.bench.plan import QUANTITIES, plan
from floorsense.broker import LocalBroker
from floorsense.children import Children
from floorsense.listener import Listener
from floorsense.paths import BOARDS, FIRMWARE, LIB
from floorsense.toolchain.micropython import find_micropython

PAGE = (BOARDS.parent / "docs" / "sensors.md").read_text(encoding="utf-8")
DEAD_AT_S = 3


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def lay_out(root: Path) -> None:
    """A copy of the firmware and of the simulated hardware, with the page's files and lines in their places."""
    shutil.copytree(FIRMWARE, root / "firmware")
    shutil.copytree(BOARDS / "SIMULATED", root / "boards" / "SIMULATED")
    tables = {
        root / "firmware/floornode/sensors/__init__.py": "DRIVERS = {\n",
        root / "boards/SIMULATED/chips/__init__.py": "_CHIPS = {",
    }
    lines = []
    for text in blocks("python"):
        if text.startswith("# "):
            place = root / text.partition("\n")[0][2:]
            assert place.parent.is_dir()
            place.write_text(text)
        else:
            lines.append(text)
    assert len(lines) == len(tables)
    for (table, head), line in zip(tables.items(), lines, strict=True):
        before = table.read_text()
        assert before.count(head) == 1
        table.write_text(before.replace(head, head + line))


def test_the_sensor_of_the_page_runs_on_a_board_and_its_death_is_told(tmp_path: Path) -> None:
    lay_out(tmp_path)
    sensor, chip = (json.loads(text) for text in blocks("json"))
    chip["faults"] = [{"kind": "nack", "at_s": DEAD_AT_S}]
    heard: list[dict[str, Any]] = []
    with LocalBroker(tmp_path) as broker:
        [board] = plan(1, dict.fromkeys(QUANTITIES, 1), (broker.url.host, broker.url.port), {}).boards
        flash = tmp_path / "flash"
        flash.mkdir()
        board.settings["sensors"].append(sensor)
        board.simulation["i2c"]["0"]["72"] = chip
        (flash / "settings.json").write_text(json.dumps(board.settings))
        (flash / "simulation.json").write_text(json.dumps(board.simulation))
        path = [tmp_path / "boards" / "SIMULATED", tmp_path / "firmware", LIB]
        environment = {**os.environ, "MICROPYPATH": os.pathsep.join([*map(str, path), ".frozen"])}
        topic = f"{board.name}/temperature.gearbox"
        with Children() as children, Listener(broker.url, [topic], lambda _, data, *__: heard.append(json.loads(data))):
            command = [str(find_micropython()), "-X", "heapsize=400k", str(tmp_path / "firmware" / "main.py")]
            with (flash / "log.txt").open("wb") as log:
                children.start(command, flash, log, environment)
            end = time.monotonic() + 20
            while not any(one["value"] is None for one in heard):
                assert time.monotonic() < end, (heard, (flash / "log.txt").read_text())
                time.sleep(0.05)
    values = [one["value"] for one in heard]
    assert values[:3] == [120.5] * 3
    assert set(values) == {120.5, None}
    assert heard[values.index(None)]["reason"] == "tmp117@0x48: no answer"
