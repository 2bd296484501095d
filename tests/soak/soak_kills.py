"""A thousand kills of the broker and a hundred power cuts of a board that waits for the storage's word, and the ledger of it.

FLOORSENSE_KILLS names another number of kills; a tenth as many cuts come with them.
"""

import dataclasses
import os
import threading
import time
from pathlib import Path

import pytest

from floorsense.bench.farm import Farm
from floorsense.bench.plan import QUANTITIES, Plan, keep_until_stored, outlast, plan
from floorsense.broker import LocalBroker
from floorsense.ingest.ingester import Ingester
from floorsense.storage import Database, Store

KILLS = int(os.environ.get("FLOORSENSE_KILLS", "1000"))
CUT_EACH = 10
# What a life has that ends by a cut: all of it but what was being gathered.
GATHER_S = 2


@pytest.mark.timeout(3 * 3600)
def test_no_kill_loses_anything_and_no_cut_more_than_is_promised(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/floor.db")
    database.open()
    store = Store(database)
    with LocalBroker(tmp_path, keeps_sessions=True) as broker:
        whole = plan(2, dict.fromkeys(QUANTITIES, 1), (broker.url.host, broker.url.port), {})
        one = whole.boards[1]
        wanted = {"durability": "always", "gather_s": GATHER_S, "end_to_end": True, "capacity": 500}
        board = dataclasses.replace(keep_until_stored(outlast(one)), settings={**one.settings, "outbox": wanted})
        with Farm(Plan([board], whole.recordings, []), tmp_path) as farm, Ingester(broker.url, store, patient=True):
            farm.start(threading.Event())
            cuts = 0
            missing: dict[tuple[str, int], int] = {}
            for kill in range(1, KILLS + 1):
                time.sleep(1.5)
                broker.kill()
                broker.start()
                if kill % CUT_EACH == 0:
                    time.sleep(3)
                    farm.cut_power()
                    farm.restore_power()
                    cuts += 1
                    print(f"{kill} kills, {cuts} cuts", flush=True)
            end = time.monotonic() + 180
            while time.monotonic() < end:
                time.sleep(5)
                lives = {(name, life.boot): life for name, found in store.marks([one.name])[one.name].items() for life in found}
                missing = {key: sum(last - first + 1 for first, last in life.gaps) for key, life in lives.items() if life.gaps}
                if not missing:
                    break
            with database.reading() as connection:
                count = connection.exec_driver_sql("select count(*) from readings").scalar()
            print(f"{KILLS} kills, {cuts} cuts, {count} readings stored, missing: {missing or 'none'}")
            assert not farm.fallen(), farm.boards[0].tail()
    database.close()
    assert not missing
