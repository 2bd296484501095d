"""A storage for a bench: the real ingestion into a database of its own, which can go away and come back."""

from contextlib import ExitStack
from pathlib import Path

from floorsense.broker_url import BrokerUrl
from floorsense.ingest.ingester import Ingester
from floorsense.storage import Database, Store


class Storeroom:
    """``with Storeroom(...)``: it takes all readings until the block is left, but between ``leave`` and ``come_back``."""

    def __init__(self, url: BrokerUrl, folder: Path) -> None:
        """``url``: of the broker itself; ``folder``: where the database goes."""
        self._url = url
        self._database = Database(f"sqlite:///{folder}/bench.db")
        self._store = Store(self._database)
        self._rooms = ExitStack()
        self._present = ExitStack()

    def __enter__(self) -> "Storeroom":
        self._database.open()
        self._rooms.callback(self._database.close)
        self._rooms.callback(self.leave)
        self.come_back()
        return self

    def __exit__(self, *_: object) -> None:
        self._rooms.close()

    def leave(self) -> None:
        """Nothing is taken any more; the broker holds, or loses, what comes."""
        self._present.close()

    def come_back(self) -> None:
        self._present.enter_context(Ingester(self._url, self._store, patient=True))

    def missing(self, machines: list[str]) -> dict[str, int]:
        """By machine, how many readings it has not got of those before its newest, -1 for all; without those that miss none."""
        found: dict[str, int] = {}
        for machine, quantities in self._store.marks(machines).items():
            lives = [life for one in quantities.values() for life in one]
            found[machine] = sum(last - first + 1 for life in lives for first, last in life.gaps)
        return {machine: found.get(machine, -1) for machine in machines if found.get(machine, -1)}
