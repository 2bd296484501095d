"""`outbox.end_to_end` with the real firmware, the real broker, the real ingestion and the real database."""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from floornode.contract.mark import Life
from floorsense.bench.farm import Farm
from floorsense.bench.plan import QUANTITIES, Plan, keep_until_stored, outlast, plan
from floorsense.broker import LocalBroker
from floorsense.ingest.ingester import Ingester
from floorsense.storage import Database, Store

KILLED_AFTER_S = 4


def stored(store: Store, machine: str) -> dict[str, Life]:
    """The first life of each quantity, as the database has it."""
    marks = store.marks([machine]).get(machine, {})
    return {name: lives[-1] for name, lives in marks.items() if lives}


def wait(is_so: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@pytest.mark.timeout(150)
def test_a_broker_killed_with_all_that_it_had_acknowledged_loses_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/floor.db")
    database.open()
    store = Store(database)
    with LocalBroker(tmp_path, keeps_sessions=True) as broker:
        if broker.hint:
            pytest.skip("amqtt keeps no session that it could lose")
        whole = plan(2, dict.fromkeys(QUANTITIES, 1), (broker.url.host, broker.url.port), {})
        one = whole.boards[1]
        wanted = {**one.settings, "outbox": {**one.settings["outbox"], "end_to_end": True}}
        board = dataclasses.replace(keep_until_stored(outlast(one)), settings=wanted)

        def is_stored(least: int) -> bool:
            lives = stored(store, one.name)
            return len(lives) == len(QUANTITIES) and all(life.seq >= least for life in lives.values())

        with Farm(Plan([board], whole.recordings, []), tmp_path) as farm:
            with Ingester(broker.url, store):
                farm.start(threading.Event())
                wait(lambda: is_stored(2), 20, "nothing comes")
            # The storage is away, and the broker takes everything for it, until it is killed.
            time.sleep(KILLED_AFTER_S)
            held = max(life.top for life in stored(store, one.name).values())
            broker.kill()
            broker.start()
            with Ingester(broker.url, store, patient=True):
                # First it is missing, and then it is not.
                wait(lambda: any(life.gaps for life in stored(store, one.name).values()), 30, "the broker lost nothing")
                wait(lambda: is_stored(held + KILLED_AFTER_S + 10), 60, str(farm.boards[0].tail()))
            lives = stored(store, one.name)
            assert all(not life.gaps for life in lives.values())
            assert not farm.fallen()
    database.close()
