"""A floor's broker as its user makes it: the real Mosquitto, TLS, one identity a board, and rules that keep boards apart."""

import datetime
import errno
import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from floorsense.broker.floor import HOST_USER, Floor
from floorsense.broker.local import free_port
from floorsense.errors import UsageError
from floorsense.toolchain.mosquitto import find_mosquitto

pytestmark = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")

OURS = "factory/floor-2/machine-1"
OTHER = "factory/floor-2/machine-2"
LIMIT_S = 10


def broker(*words: object) -> str:
    """`floorsense broker WORDS`, which must succeed."""
    done = run(*words)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "floorsense", "broker", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)


def secret(floor: Floor, name: str) -> str:
    path = floor.host_secret if name == HOST_USER else floor.secret_of(name)
    assert path is not None
    return path.read_text().strip()


@dataclass
class Guest:
    """A client at the floor's broker, connected or refused."""

    client: mqtt.Client
    code: int
    heard: "Queue[tuple[str, bytes]]"

    def publish(self, topic: str) -> None:
        self.client.publish(topic, topic.encode(), qos=1).wait_for_publish(LIMIT_S)

    def topics(self, until: str) -> list[str]:
        """Of what was heard, until ``until`` came."""
        found = []
        while until not in found:
            try:
                found.append(self.heard.get(timeout=LIMIT_S)[0])
            except Empty:
                pytest.fail(f"{until} did not come: {found}")
        return found


@contextmanager
def guest(
    floor: Floor, user: str | None, password: str | None = None, listens: str | None = None, **more: Any
) -> Iterator[Guest]:
    """Connect as ``user``; ``pair`` among ``more``: by certificate and key."""
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv311)
    pair = more.get("pair", (None, None))
    client.tls_set(str(more.get("ca", floor.ca)), *(one and str(one) for one in pair), tls_version=ssl.PROTOCOL_TLS_CLIENT)
    if user is not None:
        client.username_pw_set(user, password)
    answers: Queue[int] = Queue()
    heard: Queue[tuple[str, bytes]] = Queue()
    client.on_connect = lambda _c, _u, _f, reason, _p: answers.put(reason.value)
    # A certificate that does not count is refused after the handshake, by hanging up.
    client.on_disconnect = lambda *_: answers.put(-1)
    client.on_subscribe = lambda *_: answers.put(0)
    client.on_message = lambda _c, _u, one: heard.put((one.topic, one.payload))
    client.connect(more.get("host", "localhost"), more.get("port", floor.port))
    client.loop_start()
    try:
        code = answers.get(timeout=LIMIT_S)
        if listens is not None and code == 0:
            client.subscribe(listens, 1)
            answers.get(timeout=LIMIT_S)
        yield Guest(client, code, heard)
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    """One that was made, given a board, and runs; the other board is added while it runs."""
    folder = tmp_path_factory.mktemp("floor")
    # --mutual-tls takes the port above it, so it has to be free as well.
    broker("init", folder, "--name", "localhost", "--port", free_port(), "--mutual-tls")
    broker("add", OURS, "--folder", folder)
    process = subprocess.Popen(
        [sys.executable, "-m", "floorsense", "broker", "run", str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        end = time.monotonic() + LIMIT_S
        while not (folder / "mosquitto.pid").exists():
            assert process.poll() is None and time.monotonic() < end, "Mosquitto did not start"
            time.sleep(0.02)
        said = broker("add", OTHER, "--folder", folder)
        assert "the running broker was told" in said
        yield Floor.load(folder)
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def test_a_board_that_was_added_while_it_runs_is_taken_in(floor: Floor) -> None:
    with guest(floor, OTHER, secret(floor, OTHER)) as one:
        assert one.code == 0


@pytest.mark.parametrize(("user", "password"), [(None, None), ("stranger", "guess"), (OURS, "guess")])
def test_a_stranger_is_refused(floor: Floor, user: str | None, password: str | None) -> None:
    with guest(floor, user, password) as one:
        assert one.code != 0


def test_T47_a_board_publishes_as_itself_and_not_as_another(floor: Floor) -> None:
    with (
        guest(floor, HOST_USER, secret(floor, HOST_USER), listens="#") as host,
        guest(floor, OURS, secret(floor, OURS)) as board,
    ):
        for topic in (
            f"{OTHER}/temperature",
            f"{OTHER}/command",
            "factory/floor-2/machine-10/temperature",
            f"{OURS}x/status",
            f"{OURS}/temperature",
        ):
            board.publish(topic)
        assert host.topics(f"{OURS}/temperature") == [f"{OURS}/temperature"]


@pytest.mark.parametrize("listens", ["#", f"{OTHER}/#", "factory/+/+/command", "$SYS/#"])
def test_T47_a_board_hears_what_is_for_it_and_nothing_of_another(floor: Floor, listens: str) -> None:
    with (
        guest(floor, HOST_USER, secret(floor, HOST_USER)) as host,
        guest(floor, OURS, secret(floor, OURS), listens=listens) as board,
    ):
        board.client.subscribe(f"{OURS}/command", 1)
        host.publish(f"{OTHER}/command")
        # Until its own came, the other's would have been there before.
        for _ in range(100):
            host.publish(f"{OURS}/command")
            time.sleep(0.05)
            if not board.heard.empty():
                break
        assert set(board.topics(f"{OURS}/command")) == {f"{OURS}/command"}


def test_the_certificate_is_by_the_floors_own_CA_and_for_the_names_it_was_made_for(floor: Floor, tmp_path: Path) -> None:
    broker("init", tmp_path / "another", "--port", free_port())
    with pytest.raises(ssl.SSLCertVerificationError), guest(floor, None, ca=tmp_path / "another" / "ca.pem"):
        pass
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"), guest(floor, None, host="127.0.0.1"):
        pass


def test_what_is_secret_is_for_its_owner_alone(floor: Floor) -> None:
    for path in [*floor.folder.glob("*.key"), *floor.folder.glob("boards/*"), floor.host_secret, floor.folder / "passwords"]:
        assert path.stat().st_mode & 0o077 == 0, path
    text = (
        (floor.folder / "passwords").read_text() + floor.configuration.read_text() + (floor.folder / "floor.json").read_text()
    )
    assert secret(floor, OURS) not in text and secret(floor, HOST_USER) not in text


def test_T67_adding_says_no_secret_and_twice_changes_nothing(floor: Floor) -> None:
    before = secret(floor, OURS)
    said = broker("add", OURS, "--folder", floor.folder)
    assert "nothing was changed" in said
    assert secret(floor, OURS) == before
    assert before not in said


def test_a_board_by_certificate_has_its_own_topics_and_is_refused_once_it_was_removed(floor: Floor) -> None:
    name = "factory/floor-2/machine-3"
    broker("add", name, "--folder", floor.folder, "--mutual-tls")
    pair = Floor.load(floor.folder).pair_of(name)
    assert pair is not None
    kept = tuple(one.parent / f"kept{one.suffix}" for one in pair)
    for old, new in zip(pair, kept, strict=True):
        new.write_bytes(old.read_bytes())
    with (
        guest(floor, HOST_USER, secret(floor, HOST_USER), listens="#") as host,
        guest(floor, None, pair=pair, port=floor.mutual_port) as board,
    ):
        assert board.code == 0
        board.publish(f"{OURS}/temperature")
        board.publish(f"{name}/temperature")
        assert host.topics(f"{name}/temperature") == [f"{name}/temperature"]
    broker("remove", name, "--folder", floor.folder)
    end = time.monotonic() + LIMIT_S
    while is_let_in(floor, kept):
        assert time.monotonic() < end, "a certificate that was revoked still counts"
        time.sleep(0.2)


def test_a_board_that_is_removed_is_cut_off_and_refused(floor: Floor) -> None:
    name = "factory/floor-2/machine-4"
    broker("add", name, "--folder", floor.folder)
    password = secret(Floor.load(floor.folder), name)
    with guest(floor, name, password) as board:
        assert board.code == 0
        broker("remove", name, "--folder", floor.folder)
        end = time.monotonic() + LIMIT_S
        while board.client.is_connected():
            assert time.monotonic() < end, "a board that was removed is still served"
            time.sleep(0.05)
    with guest(floor, name, password) as again:
        assert again.code != 0


def test_a_broker_that_runs_shows_a_renewed_certificate_which_boards_trust(floor: Floor) -> None:
    def shown() -> bytes:
        context = ssl.create_default_context(cafile=str(floor.ca))
        with (
            socket.create_connection(("localhost", floor.port), LIMIT_S) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as one,
        ):
            return one.getpeercert(True) or b""

    before = shown()
    assert "the running broker was told" in broker("renew", floor.folder)
    end = time.monotonic() + LIMIT_S
    while shown() == before:
        assert time.monotonic() < end, "the old certificate is still shown"
        time.sleep(0.05)
    with guest(floor, OURS, secret(floor, OURS)) as board:
        assert board.code == 0


def test_what_there_is_can_be_seen_without_a_secret(floor: Floor) -> None:
    told = json.loads(broker("show", floor.folder, "--json"))
    assert told["process"] == int((floor.folder / "mosquitto.pid").read_text())
    assert {"name": OURS, "by": "password", "until": None} in told["boards"]
    assert datetime.date.fromisoformat(told["certificate_until"]).year - datetime.date.today().year in (9, 10)
    said = broker("show", floor.folder)
    assert OURS in said and secret(floor, OURS) not in said + str(told)


def test_a_broker_that_runs_is_not_run_twice(floor: Floor) -> None:
    done = run("run", floor.folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "its broker runs already (process " in done.stderr


def test_a_port_that_somebody_has_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker("init", tmp_path / "floor", "--port", port)
        done = run("run", tmp_path / "floor")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"cannot listen at 127.0.0.1:{port}: Address already in use" in done.stderr


def is_let_in(floor: Floor, pair: tuple[Path, ...]) -> bool:
    try:
        with guest(floor, None, pair=pair, port=floor.mutual_port) as one:
            return one.code == 0
    except (OSError, Empty):
        return False


def test_a_board_stays_who_it_was_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    floor = Floor.make(tmp_path / "floor", ["localhost"], 8883, "127.0.0.1", 8884)
    floor.add(OURS, mutual=False)
    password = secret(floor, OURS)

    def full(path: Path, data: bytes, mode: int = 0o644) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    for change in (lambda one: one.remove(OURS), lambda one: one.add(OTHER, mutual=False), lambda one: one.renew()):
        with monkeypatch.context() as disk:
            disk.setattr("floorsense.broker.floor.write_whole", full)
            disk.setattr("floorsense.broker.floor.write_secret", full)
            with pytest.raises(UsageError, match="No space left on device"):
                change(Floor.load(floor.folder))
        again = Floor.load(floor.folder)
        assert again.boards == {OURS: "password"} and secret(again, OURS) == password
    assert Floor.load(floor.folder).remove(OURS)
    assert list((floor.folder / "boards").iterdir()) == []


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["init", "{floor}"], "there is a broker already"),
        (["init", "{new}", "--name", "mqtt://host"], "write a bare host name or address"),
        (["init", "{new}", "--name", "0.0.0.0", "--listen", "0.0.0.0"], "is where to listen"),
        (["init", "{new}", "--name", "192.168.1.300"], "write a bare host name or address"),
        (["init", "{new}", "--listen", "300.1.1.1"], "is no address of a machine"),
        (["init", "{new}", "--listen", "0.0.0.0"], "say by which name or address boards reach it"),
        (["init", "{new}", "--port", "65535", "--mutual-tls"], "takes the port above it"),
        (["add", "factory/floor-2", "--folder", "{floor}"], "is no file, and not SITE/FLOOR/MACHINE"),
        (["add", "factory/floor-2/machine:1", "--folder", "{floor}"], "has a ':'"),
        (["add", "factory/floor-2/machine-1", "--folder", "{new}"], "there is no broker; make one with"),
        (["remove", "factory/floor-2/machine-9", "--folder", "{floor}"], "is not known at"),
        (["run", "{new}"], "there is no broker; make one with"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(floor: Floor, words: list[str], text: str, tmp_path: Path) -> None:
    done = run(*(word.format(floor=floor.folder, new=tmp_path / "new") for word in words))
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1
