"""The command line's edge: one line an error, and the exit codes."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import rich_click as click

from floorsense import __version__, cli
from floorsense.errors import BrokerError, UsageError


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture
def ending(monkeypatch: pytest.MonkeyPatch):
    """Makes `floorsense check` end in the way that is wanted."""

    def make(how: BaseException | int) -> None:
        @click.command()
        def command() -> int:
            if isinstance(how, BaseException):
                raise how
            return how

        monkeypatch.setattr(cli.importlib, "import_module", lambda _name: SimpleNamespace(command=command))

    return make


def test_every_command_of_the_table_can_be_loaded(capsys: pytest.CaptureFixture[str]) -> None:
    for name in cli.COMMANDS:
        code, out, _ = run([name, "--help"], capsys)
        assert code == 0
        assert f"floorsense {name}" in out


def test_help_names_every_command_and_loads_none(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.importlib, "import_module", lambda name: pytest.fail(f"{name} was loaded"))
    code, out, _ = run(["--help"], capsys)
    assert code == 0
    assert all(name in out for name in cli.COMMANDS)


def test_help_shows_the_commands_by_what_one_wants_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^[╭│][─ ]+((?:[A-Z][a-z ]+)|[a-z-]+)[ ─]", run(["--help"], capsys)[1], re.MULTILINE)
    wanted = [word for panel in cli.PANELS for word in (panel, *cli.PANELS[panel])]
    assert [word.strip() for word in shown if word.strip() in wanted] == wanted


def test_a_command_that_was_meant_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bnch"], capsys)[2] == "error: no command 'bnch'; did you mean 'bench'? See floorsense --help.\n"


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"], capsys)[1].strip() == f"floorsense, version {__version__}"


@pytest.mark.parametrize("arguments", [["chek"], ["check"], ["check", "--colour"], ["check", "--broker"], ["--colour"]])
def test_wrong_usage_is_one_line_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(arguments, capsys)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_unknown_command_is_answered_with_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"there are {', '.join(cli.COMMANDS)}" in run(["frobnicate"], capsys)[2]


@pytest.mark.parametrize(
    ("how", "code", "err"),
    [
        (0, 0, ""),
        (1, 1, ""),
        (UsageError("--expect x: no such file"), 2, "error: --expect x: no such file\n"),
        (BrokerError("broker x:1: connection refused"), 3, "error: broker x:1: connection refused\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_each_ending_has_its_exit_code(how, code: int, err: str, ending, capsys: pytest.CaptureFixture[str]) -> None:
    ending(how)
    found = run(["check"], capsys)
    # Click ends the line on which the terminal showed ^C.
    assert (found[0], found[1], found[2].lstrip("\n")) == (code, "", err)


def test_a_fault_of_our_own_is_one_line_and_70(
    ending, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(cli.DEBUG_VARIABLE, raising=False)
    ending(ZeroDivisionError("division\nby zero"))
    code, _, err = run(["check"], capsys)
    assert code == 70
    assert err.count("\n") == 1
    assert "ZeroDivisionError: division by zero" in err
    assert "FLOORSENSE_DEBUG=1" in err


def test_a_full_disk_is_one_line_that_says_where(ending, capsys: pytest.CaptureFixture[str]) -> None:
    ending(OSError(errno.ENOSPC, "No space left on device", "/data/floor.db"))
    said = "error: /data/floor.db: no space left on device; make room there, or name another folder\n"
    assert run(["check"], capsys) == (2, "", said)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_takes_nothing_more_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "floorsense", "boards", "--json"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=50, check=False)
    assert done.returncode == 2
    assert "no space left on device" in done.stderr and done.stderr.count("\n") == 1


def test_a_fault_of_our_own_is_shown_whole_when_asked_for(ending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.DEBUG_VARIABLE, "1")
    ending(ZeroDivisionError("division by zero"))
    with pytest.raises(ZeroDivisionError):
        cli.main(["check"])


def test_a_reader_that_leaves_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "floorsense", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": ""},
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) in (1, 141)
