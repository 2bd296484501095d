"""The databases that the storage stands on: opened by several at once, killed, refused, and TimescaleDB where there is one."""

import os
import sqlite3
import threading

import pytest
from factory_readings import arrival
from postgres import TIMESCALE_VARIABLE, Postgres, empty_timescale

from floorsense.errors import DatabaseError, UsageError
from floorsense.storage import Database, Store


def test_migrating_again_changes_nothing(database_url: str) -> None:
    for stored in (1, 0):
        database = Database(database_url)
        database.open()
        assert len(Store(database).put_readings([arrival(0)]).stored) == stored
        database.close()


def test_two_processes_that_start_together_migrate_once(database_url: str) -> None:
    databases = [Database(database_url) for _ in range(4)]
    faults: list[Exception] = []

    def start(database: Database) -> None:
        try:
            database.open()
        except Exception as error:
            faults.append(error)

    starts = [threading.Thread(target=start, args=(database,)) for database in databases]
    for one in starts:
        one.start()
    for one in starts:
        one.join(50)
    assert not faults
    assert len(Store(databases[0]).put_readings([arrival(0)]).stored) == 1
    for database in databases:
        database.close()


def test_the_database_is_killed_and_comes_back(mortal_postgres: Postgres) -> None:
    database = Database(mortal_postgres.url())
    database.open()
    store = Store(database)
    store.put_readings([arrival(seq) for seq in range(10)])
    mortal_postgres.kill()
    with pytest.raises(DatabaseError, match=r"^database postgresql://floor@"):
        store.put_readings([arrival(10)])
    mortal_postgres.start()
    assert len(store.put_readings([arrival(seq) for seq in range(12)]).stored) == 2
    assert not store.put_readings([arrival(seq) for seq in range(12)]).stored
    database.close()


def test_TimescaleDB_holds_a_hypertable_and_continuous_aggregates() -> None:
    if TIMESCALE_VARIABLE not in os.environ:
        pytest.skip(f"{TIMESCALE_VARIABLE} names no PostgreSQL with TimescaleDB: the storage's tests would run there too")
    with empty_timescale() as url:
        database = Database(url)
        database.open()
        assert database.timescale
        with database.reading() as connection:
            tables = connection.exec_driver_sql("SELECT hypertable_name FROM timescaledb_information.hypertables").scalars()
            assert "readings" in tables.all()
            views = connection.exec_driver_sql("SELECT view_name FROM timescaledb_information.continuous_aggregates").scalars()
            assert set(views.all()) == {"rollup_minute", "rollup_hour"}
        database.close()


@pytest.mark.parametrize(
    "url",
    ["floor.db", "sqlite://", "sqlite:///:memory:", "mysql://host/db", "postgresql+asyncpg://host/db", "sqlite+nosuch:///x"],
)
def test_a_URL_that_names_no_database_of_ours_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"^--database: write sqlite:///FILE or postgresql://USER@HOST/NAME$"):
        Database(url)


def test_a_file_that_is_no_database_is_refused_in_one_line(tmp_path) -> None:
    (tmp_path / "floor.db").write_text("x" * 5000)
    with pytest.raises(DatabaseError, match=r"file is not a database; name another file$"):
        Database(f"sqlite:///{tmp_path / 'floor.db'}").open()


def test_SQLite_keeps_what_it_said_it_stored(tmp_path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    database.close()
    assert sqlite3.connect(tmp_path / "floor.db").execute("PRAGMA integrity_check").fetchone() == ("ok",)
