"""A storage that can be away, and a broker with room for what waits for it, for each test of the ingestion."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))

from ingest_parts import ROOM, Away

from floorsense.storage import Database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Away]:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    yield Away(database)
    database.close()


@pytest.fixture
def broker(start_mosquitto: Callable[[str], Any]) -> Any:
    return start_mosquitto(ROOM)
