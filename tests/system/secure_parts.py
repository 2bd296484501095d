"""What the tests of boards by TLS stand on: a simulated board whose flash is a folder, and a server that counts handshakes."""

import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from certificates import Certificate, certificate
from floorsense.bench.plan import outlast, plan
from floorsense.paths import FIRMWARE
from floorsense.toolchain.micropython import find_micropython, micropath
from floorsense.virtual.interruption import interrupt

LIMIT_S = 15
CONNACK = b"\x20\x02\0\0"


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
