"""A local broker on a free loopback port: Mosquitto, else the embedded one."""

import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError
from floorsense.toolchain.mosquitto import find_mosquitto, how_to_install

_HOST = "127.0.0.1"
_READY_S = 10
_STOP_S = 3
# Another program may take the free port before the broker does.
_TRIES = 3

# Loopback only, so that nobody needs a password. Queues hold what a burst of hundreds of boards brings while the checker
# catches up: Mosquitto's own limit (1,000 messages) drops the rest without a word. The publishers pipeline, and would wait
# for delayed acknowledgements without TCP_NODELAY.
_CONFIGURATION = """\
listener {port} {host}
allow_anonymous true
persistence false
max_inflight_messages 0
max_queued_messages 100000
set_tcp_nodelay true
log_dest stderr
log_type error
log_type warning
"""


class LocalBroker:
    """``with LocalBroker() as broker``: ``broker.url``, ``broker.name``, and ``broker.hint`` where a better one exists."""

    def __init__(self, folder: Path | None = None) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="floorsense-broker-") if folder is None else None
        self._folder = Path(self._scratch.name) if self._scratch else folder or Path()
        self._process: subprocess.Popen[bytes] | None = None
        self.name = ""
        self.hint: str | None = None
        self.url = BrokerUrl(_HOST, 0)

    def __enter__(self) -> "LocalBroker":
        mosquitto = find_mosquitto()
        if mosquitto is None:
            self.hint = f"for the real one: {how_to_install()}"
        for attempt in range(_TRIES):
            port = _free_port()
            command = self._mosquitto(mosquitto, port) if mosquitto else self._embedded(port)
            log = self._folder / "broker.log"
            with log.open("wb") as out:
                self._process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
            if self._is_ready(port):
                self.url = BrokerUrl(_HOST, port)
                return self
            self._stop()
            if attempt == _TRIES - 1:
                last = (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
                raise BrokerError(f"{self.name} did not start: {last}")
        raise AssertionError("unreachable")

    def __exit__(self, *_: object) -> None:
        self._stop()
        if self._scratch:
            self._scratch.cleanup()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _mosquitto(self, program: Path, port: int) -> list[str]:
        asked = subprocess.run([program, "-h"], capture_output=True, text=True, timeout=10, check=False).stdout
        version = re.search(r"version (\S+)", asked)
        self.name = f"Mosquitto {version.group(1)}" if version else "Mosquitto"
        configuration = self._folder / "mosquitto.conf"
        configuration.write_text(_CONFIGURATION.format(port=port, host=_HOST))
        return [str(program), "-c", str(configuration)]

    def _embedded(self, port: int) -> list[str]:
        self.name = "the embedded broker (amqtt)"
        return [sys.executable, "-m", "floorsense.broker.embedded", str(port)]

    def _is_ready(self, port: int) -> bool:
        end = time.monotonic() + _READY_S
        while time.monotonic() < end and self.is_running():
            try:
                with socket.create_connection((_HOST, port), timeout=1):
                    return self.is_running()
            except OSError:
                time.sleep(0.02)
        return False

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
