"""A thousand boards' readings through broker, ingester and database, seconds of what bench_factory.py does for a minute."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "system")]

from bench_factory import Bench
from postgres import Postgres, available

from floorsense.toolchain.mosquitto import find_mosquitto

RATE = 3000
SECONDS = 6


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if find_mosquitto() is None:
        pytest.skip("no Mosquitto on this machine")
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'floor.db'}"
        return
    programs = available() or pytest.skip("no PostgreSQL on this machine: apt-get install postgresql")
    with Postgres(programs) as postgres:
        yield postgres.url()


@pytest.mark.timeout(150)
def test_a_thousand_boards_lose_nothing_in_memory_that_stays_flat(database: str, tmp_path: Path) -> None:
    with Bench(tmp_path, database) as bench:
        run = bench.run(RATE, SECONDS)
        distinct = bench.ledger.distinct()
    print(run)
    assert run.stored == distinct == run.sent > RATE
    assert run.grown_mb < 16, run.memory
