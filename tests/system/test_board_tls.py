"""A board by TLS: real MicroPython and its mbedtls, against servers with certificates made here."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from secure_parts import LIMIT_S, Board, Server

from certificates import DER, Certificate, certificate
from floorsense.paths import BOARDS, FIRMWARE
from floorsense.toolchain.micropython import find_micropython

FAKES = Path(__file__).parents[1] / "fakes"
# glibc gives back to the system what is free, and takes no more than it needs (mallopt(3)).
EXACT = {"MALLOC_TOP_PAD_": "0", "MALLOC_TRIM_THRESHOLD_": "0", "MALLOC_MMAP_THRESHOLD_": "4096"}
PINGRESP = b"\xd0\0"


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
