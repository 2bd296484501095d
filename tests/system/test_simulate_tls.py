"""`floorsense simulate` at a broker that wants TLS, a password or a certificate."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stations import new_floor, running

from floorsense.broker.floor import Floor
from floorsense.toolchain.mosquitto import find_mosquitto

SIMULATE = [sys.executable, "-m", "floorsense", "simulate"]
# The simulated Pico W.
NAME = "factory/floor-1/machine-2"


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    if find_mosquitto() is None:
        pytest.skip("no Mosquitto on this machine")
    made = new_floor(tmp_path_factory.mktemp("simulate") / "floor", "localhost")
    made.add(NAME, mutual=True)
    with running(made):
        yield made


def said_until(words: str, *arguments: str) -> str:
    """The board's log up to ``words``; it is stopped then."""
    process = subprocess.Popen([*SIMULATE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    log = ""
    for line in process.stdout:
        log += line
        if words in line:
            break
    process.send_signal(2)
    rest, _ = process.communicate(timeout=20)
    return log + rest


def test_a_board_with_a_certificate_is_taken_in(floor: Floor) -> None:
    pair = floor.pair_of(NAME)
    assert pair is not None
    files = ["--ca", str(floor.ca), "--cert", str(pair[0]), "--key", str(pair[1])]
    log = said_until("session: connected", "--broker", f"mqtts://localhost:{floor.mutual_port}", *files)
    assert "session: connected" in log and "stopped cleanly" in log


def test_a_board_without_one_says_what_is_missing(floor: Floor) -> None:
    log = said_until("refused", "--broker", f"mqtts://localhost:{floor.mutual_port}", "--ca", str(floor.ca))
    assert "session: greet: localhost refused this board's certificate, or the lack of one" in log


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--broker", "mqtts://localhost"], "name it with --ca FILE"),
        (["--broker", "mqtt://localhost", "--ca", "ca.pem"], "--ca, --cert and --key go with mqtts://"),
        (["--broker", "mqtts://localhost", "--ca", "ca.pem", "--key", "key.pem"], "--cert and --key go together"),
        (["--broker", "mqtts://localhost", "--ca", "none.pem"], "none.pem: No such file or directory"),
        (["--broker", "mqtts://user@localhost", "--ca", "none.pem"], "none.pem: No such file or directory"),
        (["--broker", "mqtt://user@localhost"], "set FLOORSENSE_BROKER_PASSWORD"),
        (["--broker", "wss://localhost"], "a board speaks MQTT over TCP"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], text: str) -> None:
    unset = {key: value for key, value in os.environ.items() if key != "FLOORSENSE_BROKER_PASSWORD"}
    command = [*SIMULATE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False, stdin=subprocess.DEVNULL, env=unset)
    assert done.returncode == 2
    assert text in done.stderr and len(done.stderr.splitlines()) == 1
