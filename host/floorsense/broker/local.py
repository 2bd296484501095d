"""A local broker on a free loopback port: Mosquitto, else the embedded one."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from floorsense.broker_url import BrokerUrl
from floorsense.children import Children
from floorsense.errors import BrokerError
from floorsense.toolchain.mosquitto import find_mosquitto, how_to_install

_HOST = "127.0.0.1"
_READY_S = 10
_STOP_S = 3
# Another program may take the free port before the broker does.
_TRIES = 3

_CONFIGURATION = """\
# Loopback only, so that nobody needs a password.
listener {port} {host}
allow_anonymous true
{persistence}
# As many unacknowledged messages to a subscriber as come: the limit of 20 would make a checker behind hundreds of boards
# wait for round trips.
max_inflight_messages 0
# What waits for a slow subscriber: 500 boards with 3 readings a second for a minute. The usual 1,000 drops the rest
# without a word.
max_queued_messages 100000
# Without it, each acknowledgement may wait 40 ms for the next packet to share a segment with.
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
"""
# Nothing outlives a bench; persistence would only write what nobody reads.
_FORGETS = "persistence false"
# As Mosquitto keeps sessions by default: written when it is stopped, and every half hour; what a kill loses is lost.
# Root's Mosquitto would become another user, who cannot write there.
_KEEPS = "persistence true\npersistence_location {folder}/\nuser root"


class LocalBroker:
    """``with LocalBroker() as broker``: it serves at ``broker.url`` until the block is left.

    ``stop`` and ``kill`` end it before that, and ``start`` brings it back at the same port.

    ``name`` says which broker it is, with its version; ``hint`` how to get the better one, or None where this is it.
    ``folder`` takes its configuration and its log, else a temporary one does.
    """

    def __init__(self, folder: Path | None = None, keeps_sessions: bool = False) -> None:
        """``keeps_sessions``: over an orderly stop, as Mosquitto's persistence does; amqtt has none."""
        self._folder = folder
        self._keeps_sessions = keeps_sessions
        self._rooms = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._children: Children | None = None
        self._command: list[str] = []
        self._is_away = False
        self._log = Path()
        self.url = BrokerUrl(_HOST, 0)
        self.name = ""
        self.hint: str | None = None

    def __enter__(self) -> "LocalBroker":
        """Raises BrokerError with the broker's last line if it does not start."""
        try:
            folder = self._folder or Path(self._rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-")))
            self._log = folder / "broker.log"
            self._children = self._rooms.enter_context(Children())
            self._rooms.callback(self.stop)
            mosquitto = find_mosquitto()
            if mosquitto is None:
                self.hint = f"to have the real one: {how_to_install()}"
            for _ in range(_TRIES):
                port = free_port()
                self._command = self._mosquitto(mosquitto, folder, port) if mosquitto else _embedded(port)
                if self._start():
                    self.url = BrokerUrl(_HOST, port)
                    return self
            program = mosquitto or "the embedded broker (amqtt)"
            raise BrokerError(f"{program} did not start: {self.last_line()}")
        except BaseException:
            self._rooms.close()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rooms.close()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def has_fallen(self) -> bool:
        """Whether it ended without having been told to."""
        return not self._is_away and not self.is_running()

    def stop(self) -> None:
        """End it in order, within three seconds."""
        self._is_away = True
        if self._process is not None and self._children is not None and self.is_running():
            self._process.send_signal(signal.SIGTERM)
            self._children.end(self._process, _STOP_S)

    def kill(self) -> None:
        """End it at once: whatever it held in memory only is gone."""
        self._is_away = True
        if self._process is not None and self._children is not None:
            self._children.kill(self._process)

    def start(self) -> None:
        """Bring it back at its port. Raises BrokerError."""
        if not self._start():
            raise BrokerError(f"{self.name} did not start again: {self.last_line()}")

    def last_line(self) -> str:
        """The last thing it said."""
        said = self._log.read_text(errors="replace").strip() if self._log.is_file() else ""
        return said.rpartition("\n")[2] or "it said nothing"

    def _start(self) -> bool:
        """Start it and wait until it says that it serves: a port that answers might be somebody else's."""
        assert self._children is not None
        with self._log.open("ab") as said:
            begin = said.tell()
            self._process = self._children.start(self._command, self._log.parent, said, dict(os.environ))
        end = time.monotonic() + _READY_S
        while time.monotonic() < end and self.is_running():
            ready = re.search(rb"(mosquitto|amqtt) version (\S+) running", self._log.read_bytes()[begin:])
            if ready:
                name, version = (part.decode() for part in ready.groups())
                self.name = f"Mosquitto {version}" if name == "mosquitto" else f"embedded broker {name} {version}"
                self._is_away = False
                return True
            time.sleep(0.01)
        self._children.kill(self._process)
        return False

    def _mosquitto(self, program: Path, folder: Path, port: int) -> list[str]:
        configuration = folder / "mosquitto.conf"
        persistence = _KEEPS.format(folder=folder.absolute()) if self._keeps_sessions else _FORGETS
        configuration.write_text(_CONFIGURATION.format(port=port, host=_HOST, persistence=persistence))
        return [str(program), "-c", str(configuration.absolute())]


def free_port() -> int:
    """A loopback port that nobody listens at, at this moment."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _embedded(port: int) -> list[str]:
    return [sys.executable, "-m", "floorsense.broker.embedded", str(port)]
