"""The local broker: it serves when it says so, on loopback only, and ends with whoever asked for it."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from floorsense.broker import LocalBroker, local
from floorsense.errors import BrokerError
from floorsense.listener import Listener
from floorsense.toolchain.mosquitto import find_mosquitto

KINDS = ["mosquitto", "embedded"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which broker the test gets."""
    if request.param == "embedded":
        monkeypatch.setattr(local, "find_mosquitto", lambda: None)
    elif find_mosquitto() is None:
        pytest.skip("no Mosquitto on this machine")
    return str(request.param)


@pytest.fixture
def taken() -> Iterator[int]:
    """A loopback port that somebody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_what_is_published_comes_to_who_subscribed(kind: str) -> None:
    heard = threading.Event()
    with LocalBroker() as broker, Listener(broker.url, ["a/#"], lambda *_: heard.set()):
        publish.single("a/b", b"1", qos=1, hostname=broker.url.host, port=broker.url.port)
        assert heard.wait(5)


def test_it_says_which_broker_it_is_and_how_to_get_the_better_one(kind: str) -> None:
    with LocalBroker() as broker:
        if kind == "mosquitto":
            assert broker.name.startswith("Mosquitto ")
            assert broker.hint is None
        else:
            assert broker.name.startswith("embedded broker amqtt ")
            assert "to have the real one: " in (broker.hint or "")


def test_leaving_ends_it_and_frees_its_port(kind: str) -> None:
    with LocalBroker() as broker:
        assert is_open(broker.url.port)
    assert not broker.is_running()
    assert not is_open(broker.url.port)


def test_it_listens_on_loopback_only(kind: str) -> None:
    with LocalBroker() as broker, socket.socket() as probe:
        # All of 127/8 is this machine; a broker on all interfaces would answer here, too.
        assert probe.connect_ex(("127.0.0.2", broker.url.port)) != 0


def test_a_port_that_was_taken_meanwhile_is_no_fault(kind: str, taken: int, monkeypatch: pytest.MonkeyPatch) -> None:
    free = local.free_port()
    ports = iter([taken, free])
    monkeypatch.setattr(local, "free_port", lambda: next(ports))
    with LocalBroker() as broker:
        assert broker.url.port == free


def test_a_broker_that_never_gets_its_port_is_one_line_with_its_own_last_words(
    kind: str, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "free_port", lambda: taken)
    with pytest.raises(BrokerError, match=r"(?i)did not start: .*address already in use"), LocalBroker():
        pass


def test_a_Mosquitto_that_ends_at_once_is_one_line_with_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "mosquitto"
    broken.write_text("#!/bin/sh\necho first\necho no such library >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setattr(local, "find_mosquitto", lambda: broken)
    with pytest.raises(BrokerError) as caught, LocalBroker():
        pass
    assert str(caught.value) == f"{broken} did not start: no such library"


def test_a_Mosquitto_that_never_gets_ready_is_given_up_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "pid"
    stuck = tmp_path / "mosquitto"
    stuck.write_text(f"#!/bin/sh\necho $$ > {mark}\nexec sleep 60\n")
    stuck.chmod(0o755)
    monkeypatch.setattr(local, "find_mosquitto", lambda: stuck)
    monkeypatch.setattr(local, "_READY_S", 0.2)
    with pytest.raises(BrokerError, match="did not start"), LocalBroker():
        pass
    assert_gone(int(mark.read_text()))


def test_a_broker_that_falls_is_noticed(kind: str) -> None:
    with LocalBroker() as broker:
        assert broker._process is not None
        broker._process.kill()
        broker._process.wait(5)
        assert not broker.is_running()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_however_that_ends(kind: str, how: signal.Signals) -> None:
    hide = "local.find_mosquitto = lambda: None" if kind == "embedded" else ""
    program = f"""
import time
from floorsense.broker import local
{hide}
with local.LocalBroker() as broker:
    print(broker._process.pid, flush=True)
    time.sleep(60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.send_signal(how)
    parent.wait(5)
    assert_gone(pid)


def assert_gone(pid: int, limit_s: float = 5) -> None:
    """Nothing runs as ``pid``; what has ended and waits for its new parent to ask is gone."""
    end = time.monotonic() + limit_s
    while state(pid) not in ("", "Z"):
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.05)


def state(pid: int) -> str:
    """The process's state as ``ps`` has it: a letter, or nothing for none."""
    asked = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()[:1]
