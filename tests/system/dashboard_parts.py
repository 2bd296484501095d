"""What the dashboard's tests stand on: a storage with its web server and alerts, a real Chromium, and waiting."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from factory_readings import TOPIC, arrival
from websockets.sync.client import connect

from floorsense.alerts.rules import DEFAULT, parse_rules
from floorsense.alerts.service import Alerts
from floorsense.errors import UsageError
from floorsense.storage import Database, Store
from floorsense.web import create_app
from floorsense.web.browser import Browser, find_chromium
from floorsense.web.doors import Doors
from floorsense.web.server import Listen, WebServer

SHAKES = '\n[[rule]]\nname = "shakes"\ntopic = "#"\nzone = "C"\n'
RULES = parse_rules(DEFAULT + SHAKES, "rules")


class Floor:
    """A storage with its web server and alerts; ``cut`` and ``mend`` take the server away and bring it back, same port."""

    def __init__(self, folder: Path) -> None:
        self._rooms = ExitStack()
        self._serving = ExitStack()
        self._seq = 0
        database = Database(f"sqlite:///{folder / 'floor.db'}")
        database.open()
        self._rooms.callback(database.close)
        self.store = Store(database)
        self._rooms.enter_context(Alerts(self.store, RULES, from_feed=True))
        self._listen = Listen.parse("127.0.0.1:0")
        self.url = ""
        self.doors: Doors | None = None
        self.mend()

    def mend(self, doors: Doors | None = None) -> None:
        self.doors = doors
        server = self._serving.enter_context(WebServer(create_app(self.store, RULES, doors), self._listen))
        self.url = server.url
        self._listen = Listen.parse(server.url.removeprefix("http://"))

    def cut(self) -> None:
        self._serving.close()

    def put(self, value: float | None, topic: str = TOPIC, **more: Any) -> None:
        self._seq += 1
        self.store.put_readings([arrival(self._seq, topic=topic, value=value, **more)])

    def close(self) -> None:
        self._serving.close()
        self._rooms.close()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(tmp_path)
    yield floor
    floor.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        path = find_chromium()
    except UsageError as error:
        pytest.skip(str(error))
    with Browser(path) as running:
        yield running


def eventually(look: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def opened(browser: Browser, floor: Floor, **more: Any) -> Any:
    page = browser.open(floor.url, **more)
    page.wait_for_selector('#link[data-link="live"]')
    return page


def tile(page: Any, machine: str) -> str:
    """What a machine's tile says, as one line."""
    return " ".join(page.locator(".tile", has_text=machine).inner_text().split())


def listen(floor: Floor, **more: Any) -> Any:
    """At the live feed."""
    return connect(floor.url.replace("http://", "ws://") + "/api/v1/live/ws", **more)
