"""The factory's parts as processes of their own, over a real broker: started, watched, killed, started again."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa

HERE = Path(__file__).parent
HOST = "127.0.0.1"


class Process:
    """One program. What it says goes to ``log``."""

    def __init__(self, folder: Path, name: str, *command: str) -> None:
        self.log = folder / f"{name}.log"
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = folder

    def start(self, said: str | None = None, limit_s: float = 30) -> "Process":
        """``said``: what it says when it is ready."""
        at = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self._folder, start_new_session=True
            )
        end = time.monotonic() + limit_s
        while said is not None and said not in self.log.read_text(errors="replace")[at:]:
            assert self._process.poll() is None and time.monotonic() < end, self.log.read_text(errors="replace")
            time.sleep(0.02)
        return self

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9"""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def end(self, limit_s: float = 20, how: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(limit_s)

    def wait(self, limit_s: float) -> int:
        assert self._process is not None
        return self._process.wait(limit_s)

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def rss_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def floorsense(folder: Path, name: str, *arguments: str) -> Process:
    return Process(folder, name, sys.executable, "-m", "floorsense", *arguments)


def publishers(folder: Path, port: int, **options: float) -> Process:
    given = [part for key, value in options.items() for part in (f"--{key}", str(value))]
    return Process(folder, "publishers", sys.executable, str(HERE / "publishers.py"), "--port", str(port), *given)


def told(process: Process) -> dict[str, Any]:
    """What publishers said in the end."""
    found: dict[str, Any] = json.loads(process.log.read_text().strip().splitlines()[-1])
    return found


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)


def until(what: Callable[[], Any], limit_s: float, every_s: float = 0.05) -> Any:
    """The first true value of ``what``; the last one where there was none in time."""
    end = time.monotonic() + limit_s
    while not (found := what()) and time.monotonic() < end:
        time.sleep(every_s)
    return found


class Ledger:
    """What a database holds, read past the program: by SQL of the test's own."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))

    def count(self) -> int:
        return int(self._one("SELECT count(*) FROM readings"))

    def distinct(self) -> int:
        return int(self._one("SELECT count(*) FROM (SELECT DISTINCT topic_id, boot, seq FROM readings) AS each"))

    def seqs(self) -> dict[tuple[str, int], set[int]]:
        found: dict[tuple[str, int], set[int]] = {}
        with self._engine.connect() as connection:
            query = "SELECT t.topic, r.boot, r.seq FROM readings r JOIN topics t ON t.id = r.topic_id"
            for topic, boot, seq in connection.exec_driver_sql(query):
                found.setdefault((topic, boot), set()).add(seq)
        return found

    def close(self) -> None:
        self._engine.dispose()

    def _one(self, query: str) -> Any:
        with self._engine.connect() as connection:
            return connection.exec_driver_sql(query).scalar()


def mosquitto_configuration(folder: Path, port: int, more: str = "") -> Path:
    """As docs/factory.md recommends it for a broker before an ingestion: sessions kept on disk, room for what waits."""
    (folder / "broker").mkdir(exist_ok=True)
    path = folder / f"mosquitto-{port}.conf"
    path.write_text(
        f"user root\nlistener {port} {HOST}\nallow_anonymous true\npersistence true\npersistence_location {folder}/broker/\n"
        "autosave_interval 1\nmax_inflight_messages 1000\nmax_queued_messages 1000000\nset_tcp_nodelay true\nlog_type error\n"
        f"log_type information\n{more}\n"
    )
    return path
