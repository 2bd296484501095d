"""A board by TLS: real MicroPython and its mbedtls, against Mosquitto, and against servers with certificates made here."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from stations import new_floor, running

from certificates import DER, Certificate, certificate
from floorsense.bench.plan import outlast, plan
from floorsense.broker.floor import HOST_USER, Floor
from floorsense.listener import Listener
from floorsense.paths import BOARDS, FIRMWARE
from floorsense.provisioning.witness import Identity
from floorsense.secret import read_secret
from floorsense.toolchain.micropython import find_micropython, micropath
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.virtual.interruption import interrupt

LIMIT_S = 15
FAKES = Path(__file__).parents[1] / "fakes"
CONNACK = b"\x20\x02\0\0"
# glibc gives back to the system what is free, and takes no more than it needs (mallopt(3)).
EXACT = {"MALLOC_TOP_PAD_": "0", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_MMAP_THRESHOLD_": "4096"}
PINGRESP = b"\xd0\0"
needs_mosquitto = pytest.mark.skipif(find_mosquitto() is None, reason="no Mosquitto on this machine")


class Server:
    """Takes one TLS connection after another: ``said`` is what came after a handshake, ``refusals`` what ended one."""

    def __init__(self, context: ssl.SSLContext, answer: bytes = b"") -> None:
        self._context = context
        self._answer = answer
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._door.getsockname()[1]
        self.said = bytearray()
        self.refusals: list[str] = []
        self.handshakes = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        while True:
            try:
                plain, _ = self._door.accept()
            except OSError:
                return
            plain.settimeout(LIMIT_S)
            try:
                with self._context.wrap_socket(plain, server_side=True) as guest:
                    self.handshakes += 1
                    first = guest.recv(4096)
                    self.said += first
                    if first and self._answer:
                        guest.sendall(CONNACK)
                        guest.sendall(self._answer)
                        self._acknowledge(guest)
            except OSError as error:
                self.refusals.append(str(error))

    def _acknowledge(self, guest: ssl.SSLSocket) -> None:
        while data := guest.recv(4096):
            self.said += data
            # One PUBLISH at QoS 1 in a record, as the board sends few of them.
            if data[0] & 0xF6 == 0x32:
                topic = data[2] << 8 | data[3] if data[1] < 128 else data[3] << 8 | data[4]
                at = (4 if data[1] < 128 else 5) + topic
                guest.sendall(b"\x40\x02" + data[at : at + 2])


class Board:
    """A simulated board; its flash is a folder."""

    def __init__(self, flash: Path) -> None:
        self.flash = flash
        flash.mkdir()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, host: str, port: int, files: dict[str, bytes], user: str | None = None, **more: Any) -> None:
        """``files`` by their names, and in the settings by what is before the dot."""
        for name, data in files.items():
            (self.flash / name).write_bytes(data)
        tls = {name.partition(".")[0]: name for name in files}
        qos = {"temperature": 1, "pressure": 0, "humidity": 0}
        one = plan(1, qos, (host, port), {}).boards[0]
        one.settings["broker"]["tls"] = tls
        one.settings["health"] = {"interval_s": 1, "retain": False}
        if user:
            one.settings["broker"].update(user=user, password=more.pop("password"))
        (self.flash / "settings.json").write_text(json.dumps(one.settings))
        (self.flash / "simulation.json").write_text(json.dumps({**one.simulation, **more}))
        command = [str(find_micropython()), "-X", f"heapsize={outlast(one).vm_bytes(apart=False)}", str(FIRMWARE / "main.py")]
        with (self.flash / "log.txt").open("ab") as log:
            environment = {**os.environ, "MICROPYPATH": micropath(False)}
            self.process = subprocess.Popen(
                command, cwd=self.flash, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )

    def wait_for(self, words: str) -> str:
        """The log, once ``words``, a regular expression, are in it."""
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            if re.search(words, self.log()):
                return self.log()
            time.sleep(0.02)
        pytest.fail(f"{words!r} is not in the log: {self.log()}")

    def log(self) -> str:
        return (self.flash / "log.txt").read_text()

    def stop(self) -> None:
        """Cleanly."""
        assert self.process is not None
        interrupt(self.process)
        self.process.wait(LIMIT_S)

    def cut(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(LIMIT_S)


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    one = Board(tmp_path / "flash")
    yield one
    one.cut()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    running: list[Server] = []

    def start(shown: Certificate, answer: bytes = b"") -> Server:
        running.append(Server(shown.context(tmp_path), answer))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def authority() -> Certificate:
    return certificate("CA of the floor")


def refused(board: Board, server: Server, files: dict[str, bytes], words: str, is_for_long: bool = True) -> None:
    """Nothing was said to it; a board that cannot come to terms with it soon does not try soon."""
    board.start("localhost", server.port, files)
    found = re.search(re.escape(words) + r".*; next try in (\d+\.\d) s", board.wait_for(words + ".*; next try"))
    end = time.monotonic() + LIMIT_S
    while not server.refusals and time.monotonic() < end:
        time.sleep(0.02)
    assert server.refusals
    assert (server.said, server.handshakes) == (b"", 0)
    assert found and (float(found[1]) >= 30) is is_for_long


def test_T39_an_unknown_CA_is_refused_before_anything_is_sent(
    board: Board, serve: Callable[..., Server], authority: Certificate
) -> None:
    # Of the same name, as an impostor would call it.
    impostor = certificate("CA of the floor")
    server = serve(impostor.make("localhost", ["localhost"]))
    refused(board, server, {"ca.der": authority.der}, "the certificate of localhost is not by the CA that this board trusts")


def test_T40_an_expired_certificate_is_refused_before_anything_is_sent(
    board: Board, serve: Callable[..., Server], authority: Certificate
) -> None:
    server = serve(authority.make("localhost", ["localhost"], begins=-2, ends=-1))
    refused(board, server, {"ca.der": authority.der}, "the certificate of localhost has expired", is_for_long=False)


def test_T40_a_certificate_of_tomorrow_is_refused_before_anything_is_sent(
    board: Board, serve: Callable[..., Server], authority: Certificate
) -> None:
    server = serve(authority.make("localhost", ["localhost"], begins=1))
    refused(
        board,
        server,
        {"ca.der": authority.der},
        "the certificate of localhost is not valid yet, by this board's clock",
        is_for_long=False,
    )


def test_T41_a_certificate_for_another_host_is_refused_before_anything_is_sent(
    board: Board, serve: Callable[..., Server], authority: Certificate
) -> None:
    server = serve(authority.make("localhost", ["elsewhere.test", "127.0.0.1"]))
    refused(board, server, {"ca.der": authority.der}, "the certificate that was shown is not for localhost")


def test_T41_an_address_is_a_name_too(board: Board, serve: Callable[..., Server], authority: Certificate) -> None:
    server = serve(authority.make("somebody", ["127.0.0.1"]), PINGRESP)
    board.start("127.0.0.1", server.port, {"ca.der": authority.der})
    board.wait_for("session: connected")


def test_T42_a_long_chain_is_followed(board: Board, serve: Callable[..., Server], authority: Certificate) -> None:
    above = authority
    for i in range(5):
        above = above.make(f"intermediate {i}", is_ca=True)
    shown = above.make("localhost", [*(f"name-{i}.of.a.broker.with.many.names.test" for i in range(180)), "localhost"])
    size = len(shown.der) + sum(len(one.public_bytes(DER)) for one in shown.above)
    assert len(shown.above) == 5 and size > 8192
    server = serve(shown, PINGRESP)
    # PEM, and a second CA beside the one that is meant.
    board.start("localhost", server.port, {"ca.pem": certificate("another").pem + authority.pem})
    board.wait_for("session: connected")
    print(f"six certificates, {size} bytes")


def test_T43_a_record_of_16_KB_is_taken_in(board: Board, serve: Callable[..., Server], authority: Certificate) -> None:
    server = serve(authority.make("localhost", ["localhost"]), PINGRESP * 8192)
    board.start("localhost", server.port, {"ca.der": authority.der})
    board.wait_for("session: connected")
    before = len(server.said)
    end = time.monotonic() + LIMIT_S
    # It goes on: readings at QoS 1, each of which waits for its acknowledgement.
    while server.said.count(b"/temperature") < 3 and time.monotonic() < end:
        time.sleep(0.05)
    assert server.said.count(b"/temperature") >= 3 and len(server.said) > before
    assert board.log().count("session: connected") == 1


def test_a_port_without_tls_is_told_from_a_broken_certificate(board: Board, authority: Certificate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        board.start("localhost", door.getsockname()[1], {"ca.der": authority.der})
        guest, _ = door.accept()
        with guest:
            assert guest.recv(1) == b"\x16"  # a handshake, and no CONNECT
            guest.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            board.wait_for(r"does that port speak TLS\?")


OURS = "factory/floor-1/machine-1"


@pytest.fixture
def floor(tmp_path: Path) -> Floor:
    """A floor's broker, made and not started, with an identity for our board."""
    made = new_floor(tmp_path / "floor", "localhost")
    made.add(OURS, mutual=True)
    return made


@pytest.fixture
def run_floor(floor: Floor) -> Iterator[Callable[[], None]]:
    with ExitStack() as rooms:
        yield lambda: rooms.enter_context(running(floor))


def files_of(floor: Floor, own: bool = True) -> dict[str, bytes]:
    """What our board is given of the floor: PEM, as it lies there."""
    files = {"ca.pem": floor.ca.read_bytes()}
    pair = floor.pair_of(OURS)
    assert pair is not None
    if own:
        files |= {"cert.pem": pair[0].read_bytes(), "key.pem": pair[1].read_bytes()}
    return files


@needs_mosquitto
def test_readings_pass_by_mutual_tls_and_no_step_is_long(
    board: Board, floor: Floor, run_floor: Callable[[], None], tmp_path: Path
) -> None:
    run_floor()
    heard: list[str] = []
    url = Identity("localhost", floor.port, True, HOST_USER, secret=read_secret(floor.host_secret))
    with Listener(url, [f"{OURS}/#"], lambda topic, *_: heard.append(topic), ca=str(floor.ca)):
        assert floor.mutual_port is not None
        board.start("localhost", floor.mutual_port, files_of(floor))
        end = time.monotonic() + LIMIT_S
        while heard.count(f"{OURS}/temperature") < 3 and time.monotonic() < end:
            time.sleep(0.02)
    board.stop()
    assert heard.count(f"{OURS}/temperature") >= 3
    found = re.search(r"longest step (\d+) ms", board.log())
    assert found, board.log()
    print(f"longest step, handshake included: {found[1]} ms")
    assert int(found[1]) < 250
    # The time was known, so it is kept for a day on which it is not.
    assert abs(int((board.flash / "tls.last").read_text()) - time.time()) < 60


@needs_mosquitto
def test_T44_a_board_without_a_certificate_is_told_so(board: Board, floor: Floor, run_floor: Callable[[], None]) -> None:
    run_floor()
    assert floor.mutual_port is not None
    board.start("localhost", floor.mutual_port, files_of(floor, own=False))
    board.wait_for("localhost refused this board's certificate, or the lack of one")


@needs_mosquitto
def test_T44_a_board_with_a_revoked_certificate_is_told_so(board: Board, floor: Floor, run_floor: Callable[[], None]) -> None:
    files = files_of(floor)
    floor.remove(OURS)
    run_floor()
    assert floor.mutual_port is not None
    board.start("localhost", floor.mutual_port, files)
    board.wait_for("localhost refused this board's certificate, or the lack of one")
    assert "session: connected" not in board.log()


def test_T45_a_board_that_does_not_know_the_time_connects_and_keeps_no_time(
    board: Board, serve: Callable[..., Server], authority: Certificate
) -> None:
    server = serve(authority.make("localhost", ["localhost"]), PINGRESP)
    board.start("localhost", server.port, {"ca.der": authority.der}, rtc="unset")
    board.wait_for("session: connected")
    end = time.monotonic() + LIMIT_S
    while b"/temperature" not in server.said and time.monotonic() < end:
        time.sleep(0.02)
    # The date that mbedtls was shown is no time for readings.
    assert b'"ts":null' in server.said and b'"ts":1' not in server.said
    assert not (board.flash / "tls.last").exists()


def test_T45_a_CA_of_the_last_century_stops_no_board_whose_clock_counts_from_2000(
    board: Board, serve: Callable[..., Server]
) -> None:
    """As an ESP32's does. Whether the certificate counts is not asked: the unix port's mbedtls goes by the host's clock."""
    old = certificate("CA of the floor", begins=-10000)
    server = serve(old.make("localhost", ["localhost"]), PINGRESP)
    board.start("localhost", server.port, {"ca.der": old.der}, rtc="unset")
    board.wait_for("session: connected")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"ca.der": b"no certificate"}, "broker.tls.ca: ca.der is none that TLS can use"),
        ({"ca.pem": b"-----BEGIN CERTIFICATE-----\n?"}, "broker.tls.ca: ca.pem is none that TLS can use"),
    ],
)
def test_a_file_that_is_no_certificate_is_named(board: Board, files: dict[str, bytes], words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        board.start("localhost", door.getsockname()[1], files)
        board.wait_for(words)


def test_T46_the_heap_of_a_handshake(serve: Callable[..., Server], authority: Certificate, tmp_path: Path) -> None:
    if sys.platform != "linux":
        pytest.skip("Linux tells what a process has")
    server = serve(authority.make("localhost", ["localhost"]))
    (tmp_path / "ca.der").write_bytes(authority.der)
    path = ":".join(str(one) for one in (BOARDS / "SIMULATED", FIRMWARE, ".frozen"))
    (tmp_path / "simulation.json").write_text("{}")
    command = [str(find_micropython()), str(FAKES / "secure_dial.py"), str(server.port)]
    environment = {**os.environ, "MICROPYPATH": path, **EXACT}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    ours, theirs, most, longest_us, steps = map(int, done.stdout.split())
    print(
        f"TLS held: {ours} bytes of MicroPython's heap, {theirs} bytes of mbedtls, {most} at most in the handshake; "
        f"longest of {steps} steps {longest_us / 1000:.1f} ms"
    )
    assert 0 < ours < 8192
    assert 16384 < theirs < 65536 and most < 131072
