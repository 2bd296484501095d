"""floorsense demo, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from floorsense import cli
from floorsense.errors import UsageError
from floorsense.web.browser import Latency, find_chromium


def demo(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from floorsense.cli import main; main()", "demo", *arguments]
    environment = os.environ | ({"PATH": path} if path else {})
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, env=environment)


@pytest.mark.timeout(110)
def test_the_way_from_the_conversion_to_the_page_is_timed_in_a_real_browser() -> None:
    try:
        find_chromium()
    except UsageError as error:
        pytest.skip(str(error))
    done = demo("--boards", "2", "--measure", "--seconds", "3", "--listen", "127.0.0.1:0", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    # Two boards of three quantities, once a second; the shares of a busy machine are wide.
    assert told["boards"] == 2 and told["readings"] >= 6 and told["dropped"] == 0
    assert sum(told["histogram"].values()) == told["readings"]
    assert 0 <= told["p50"] <= told["p99"] <= told["worst"]


def test_a_demo_that_cannot_be_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, word in (
        (["--listen", "0.0.0.0:8080"], "listen on 127.0.0.1"),
        (["--json"], "--measure"),
        (["--boards", "0"], "--boards 0"),
    ):
        with pytest.raises(SystemExit) as ended:
            cli.main(["demo", *arguments])
        said = capsys.readouterr()
        assert (ended.value.code, said.out) == (2, "")
        assert word in said.err and said.err.count("\n") == 1


def test_a_browser_that_does_not_start_is_one_line_with_its_own_words(tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\necho 'libnothing.so: cannot open' >&2\nexit 1\n")
    program.chmod(0o755)
    done = demo("--measure", path=f"{tmp_path}:{os.environ['PATH']}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {program} did not start: libnothing.so: cannot open\n"


def test_quantiles_are_of_what_was_measured() -> None:
    latency = Latency([float(n) for n in range(100, 0, -1)], 0)
    assert (latency.quantile(0.5), latency.quantile(0.99), latency.quantile(1.0)) == (50, 99, 100)
    assert dict(latency.histogram())["<= 10 ms"] == 5
    assert sum(count for _, count in latency.histogram()) == 100
