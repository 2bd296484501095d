"""A real PostgreSQL of a test's own: a cluster in a temporary folder, spoken to by a socket in it; no port is opened."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from floorsense.toolchain.postgresql import find_postgresql

TIMESCALE_VARIABLE = "FLOORSENSE_TIMESCALE_URL"


class Postgres:
    """``with Postgres(program_folder) as postgres``: ``url(name)`` makes a database. ``kill`` ends it as a power cut would."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="floorsense-pg-"))
        # PostgreSQL will not run as root: then as the least of all users.
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user:
            shutil.chown(self.folder, self._user)
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._made = 0

    def __enter__(self) -> "Postgres":
        self._run("initdb", "-D", str(self._data), "-U", "floor", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            # At once: its data goes with it, and to write all of it first takes a busy machine long.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Returns when it takes connections."""
        options = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "max_connections": "60"}
        if sys.platform == "linux":
            # After a kill it would sync each of thousands of files, which takes minutes on a machine that is busy.
            options["recovery_init_sync_method"] = "syncfs"
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=self._user, start_new_session=True, cwd="/"
            )
        end = time.monotonic() + 90
        while subprocess.run(
            [self._programs / "pg_isready", "-q", "-h", self.folder, "-t", "1"], check=False, timeout=10
        ).returncode:
            assert time.monotonic() < end and self._process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9 of the whole cluster at once."""
        assert self._process is not None
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self._process.pid)], capture_output=True, text=True, check=True, timeout=10
        )
        for pid in [self._process.pid, *map(int, children.stdout.split())]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait(10)
        self._process = None

    def url(self) -> str:
        """Of a new, empty database."""
        self._made += 1
        name = f"floor{self._made}"
        self._run("createdb", "-h", str(self.folder), "-U", "floor", name)
        return f"postgresql://floor@/{name}?host={self.folder}"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [self._programs / program, *arguments], user=self._user, check=True, capture_output=True, timeout=60, cwd="/"
        )


def available() -> Path | None:
    """The folder of PostgreSQL's programs, where they are and somebody may run them."""
    if os.geteuid() == 0:
        try:
            pwd.getpwnam("nobody")
        except KeyError:
            return None
    return find_postgresql()


@contextmanager
def empty_timescale() -> Iterator[str]:
    """A database of our own at the server of FLOORSENSE_TIMESCALE_URL, whose role must be allowed to make one."""
    server = sa.make_url(os.environ[TIMESCALE_VARIABLE]).set(drivername="postgresql+psycopg")
    name = f"floorsense_test_{os.getpid()}_{time.monotonic_ns()}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
        try:
            yield server.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
        finally:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()
