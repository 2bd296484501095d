"""A real Mosquitto, a real PostgreSQL, and virtual boards, for tests that need one of their own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import pytest

from floorsense import boards
from floorsense.toolchain.mosquitto import find_mosquitto
from floorsense.virtual import Flash, VirtualBoard

sys.path.append(str(Path(__file__).parent))

from dashboard_parts import browser, floor  # noqa: F401  fixtures
from postgres import TIMESCALE_VARIABLE, Postgres, available, empty_timescale
from secure_parts import authority, board, serve  # noqa: F401  fixtures


@dataclass
class Mosquitto:
    """A broker on a free loopback port. ``stop`` and ``start`` keep the port."""

    command: list[str]
    host: str
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                socket.create_connection((self.host, self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        pytest.fail("Mosquitto did not start")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Publish one message as somebody else, and wait until it is written, or acknowledged as its QoS asks."""
        publish.single(topic, payload, qos, retain, hostname=self.host, port=self.port)


@pytest.fixture
def start_mosquitto(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Starts brokers with further lines of configuration; without any, everybody may do everything."""
    program = find_mosquitto() or pytest.skip("no Mosquitto on this machine")
    running: list[Mosquitto] = []

    def start(more: str = "allow_anonymous true") -> Mosquitto:
        port = free_port()
        configuration = tmp_path / f"mosquitto-{port}.conf"
        # Root's Mosquitto would become another user, who cannot read what a test wrote.
        configuration.write_text(f"user root\nlistener {port} 127.0.0.1\npersistence false\n{more}\n")
        broker = Mosquitto([str(program), "-c", str(configuration)], "127.0.0.1", port)
        running.append(broker)
        broker.start()
        return broker

    yield start
    for broker in running:
        broker.stop()


@pytest.fixture
def mosquitto(start_mosquitto: Callable[..., Mosquitto]) -> Mosquitto:
    return start_mosquitto()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the tests' own, started once. To kill it, take ``mortal_postgres``."""
    programs = available() or pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    with Postgres(programs) as running:
        yield running


@pytest.fixture
def mortal_postgres() -> Iterator[Postgres]:
    """One with no databases yet: after a kill each file of each database that was written to is synced before it is up."""
    programs = available() or pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    with Postgres(programs) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql", *(["timescale"] if TIMESCALE_VARIABLE in os.environ else [])])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database: each test that asks for it runs over all that there are."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'floor.db'}"
    elif request.param == "postgresql":
        yield request.getfixturevalue("postgres").url()
    else:
        with empty_timescale() as url:
            yield url


@pytest.fixture
def plug_in(tmp_path: Path) -> Iterator[Callable[..., VirtualBoard]]:
    """Plugs in a board, a Pico W unless told else, whose flash of that name stays the same however often that is done."""
    with ExitStack() as rooms:

        def plug(board: boards.Board | None = None, size: int = 848 * 1024, name: str = "flash", **more: Any) -> VirtualBoard:
            flash = Flash(tmp_path / f"{name}.img", size)
            return rooms.enter_context(VirtualBoard(board or boards.load("RPI_PICO_W"), flash, **more))

        yield plug
