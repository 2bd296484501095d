"""floorsense virtual-board, as a person runs it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from floorsense.cable.repl import ask_runtime, repl


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "floorsense", "virtual-board", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_is_a_board_at_the_link_until_ctrl_c_and_its_flash_stays(tmp_path: Path) -> None:
    link, flash = tmp_path / "board", tmp_path / "flash.img"
    for code, answer in ((b"with open('kept', 'w') as f: f.write('42')", ""), (b"print(open('kept').read())", "42")):
        process = start("--link", link, "--flash", flash, "--board", "ESP32_GENERIC")
        try:
            assert process.stdout and process.stdout.readline() == f"port: {link}\n"
            assert ask_runtime(str(link), 15).machine == "Generic ESP32 module with ESP32"
            with repl(str(link), 15) as prompt:
                assert prompt.run(code, 5).strip() == answer
        finally:
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors, link.is_symlink()) == (0, "", False)


SCRIPTS = {
    "no JSON": ("{", "is not JSON"),
    "no object": ("[]", "must be an object"),
    "an unknown chip": (
        json.dumps({"i2c": {"0": {"118": {"chip": "bme999"}}}}),
        "i2c.0.118.chip: 'bme999' is none that we have",
    ),
}


@pytest.mark.parametrize(("text", "said"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_a_scene_that_is_none_is_refused_in_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "scene.json").write_text(text)
    process = start("--simulation", tmp_path / "scene.json")
    out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors.count("\n")) == (2, "", 1)
    assert said in errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--board", "PICO"], "unknown board 'PICO'; did you mean RPI_PICO_W?"),
        (["--flash", __file__], "is no flash image; name a file that is not there yet"),
        (["--link", __file__], "File exists"),
        (["--flash-kb", "1"], "is not in the range"),
    ],
)
def test_wrong_usage_is_one_line(words: list[str], said: str) -> None:
    process = start(*words)
    _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert said in errors
