"""What the factory's side takes: python tests/bench/bench_factory.py [sqlite|postgresql] [SECONDS] [RATE]

A thousand publishers in one process at RATE readings a second (5000) for SECONDS (60), QoS 1, through Mosquitto into
`floorsense serve` with one ingester; then ever more a second, ten seconds each, until they are no longer taken as they
come. Printed: what was lost, the memory at the beginning and at the end, and the share of a core each process took, the
highest of which is the limit. `--no-ramp` leaves the second half out.
"""

import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "system"))

from factory_parts import HOST, Ledger, Process, floorsense, mosquitto_configuration, publishers, told, until
from postgres import Postgres, available

from floorsense.broker.local import free_port
from floorsense.toolchain.mosquitto import find_mosquitto

BOARDS = 1000
STEP = 1500


class Bench:
    """``with Bench(folder, database) as bench``: broker and `serve` as processes."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.folder = folder
        configuration = mosquitto_configuration(folder, self.port)
        self.broker = Process(folder, "broker", str(find_mosquitto()), "-c", str(configuration))
        self.serve = floorsense(
            folder, "serve", "serve", "--broker", f"mqtt://{HOST}:{self.port}", "--database", database, "--listen", f"{HOST}:0"
        )
        self.ledger = Ledger(database)
        self.boot = 0

    def __enter__(self) -> "Bench":
        self.broker.start("running")
        self.serve.start("API at")
        return self

    def __exit__(self, *_: object) -> None:
        self.ledger.close()
        self.serve.kill()
        self.broker.kill()

    def run(self, rate: float, seconds: float) -> "Run":
        """Publish, wait until all is stored."""
        self.boot += 1
        before = self.ledger.count()
        sender = publishers(self.folder, self.port, boards=BOARDS, rate=rate, seconds=seconds, boot=self.boot)
        sender.start("connected")
        parts = {"serve": self.serve, "mosquitto": self.broker, "publishers": sender}
        began, first = time.monotonic(), {name: part.cpu_s() for name, part in parts.items()}
        memory = []
        while time.monotonic() - began < seconds - 0.5:
            time.sleep(1)
            memory.append(self.serve.rss_mb())
        shares = {name: (part.cpu_s() - first[name]) / (time.monotonic() - began) for name, part in parts.items()}
        behind = -(self.ledger.count() - before) + int(rate * (time.monotonic() - began))
        sender.wait(90)
        end = told(sender)
        until(lambda: self.ledger.count() - before >= end["sent"], 60, 0.2)
        stored = self.ledger.count() - before
        return Run(rate, seconds, end["sent"], end["seconds"], stored, behind / rate, memory, shares)


@dataclass
class Run:
    """``sent`` within ``took_s``; ``behind_s``: by how much the storage was late at the end; ``memory`` of `serve`, in MB, by
    the second; ``shares`` of a core, by process."""

    rate: float
    seconds: float
    sent: int
    took_s: float
    stored: int
    behind_s: float
    memory: list[float]
    shares: dict[str, float]

    @property
    def grown_mb(self) -> float:
        """By how much memory grew since the first third, in which pools and caches fill."""
        return self.memory[-1] - self.memory[len(self.memory) // 3]

    @property
    def is_sustained(self) -> bool:
        """Whether it was taken as it came."""
        return self.stored == self.sent and self.sent / self.took_s > 0.97 * self.rate and self.behind_s < 1

    def __str__(self) -> str:
        used = ", ".join(f"{name} {share:.0%}" for name, share in self.shares.items())
        return (
            f"{self.rate:.0f}/s for {self.seconds:.0f} s: {self.sent / self.took_s:.0f}/s sent, {self.stored} of {self.sent} "
            f"stored, {self.behind_s:.1f} s behind at the end; serve {self.memory[-1]:.0f} MB, {self.grown_mb:+.1f} MB since "
            f"its first third; of a core: {used}"
        )


def main() -> None:
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    which = words[0] if words else "sqlite"
    seconds = float(words[1]) if len(words) > 1 else 60
    rate = float(words[2]) if len(words) > 2 else 5000
    with ExitStack() as rooms:
        folder = Path(rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-bench-")))
        if which == "sqlite":
            database = f"sqlite:///{folder}/floor.db"
        else:
            programs = available()
            if programs is None:
                sys.exit("no PostgreSQL on this machine")
            database = rooms.enter_context(Postgres(programs)).url()
        bench = rooms.enter_context(Bench(folder, database))
        run = bench.run(rate, seconds)
        print(f"{which}: {run}", flush=True)
        highest = rate if run.is_sustained else 0
        while run.is_sustained and "--no-ramp" not in sys.argv:
            rate += STEP
            run = bench.run(rate, 10)
            print(f"{which}: {run}", flush=True)
            highest = rate if run.is_sustained else highest
        print(f"{which}: highest sustained rate {highest:.0f} readings a second, one ingester")


if __name__ == "__main__":
    main()
