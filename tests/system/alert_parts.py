"""What the alerts' tests stand on: rules, readings by a given clock, and a box that takes what a postman sends."""

from typing import Any

from factory_readings import arrival

from floorsense.alerts import Engine, Postman
from floorsense.alerts.alarms import Alarm, listed
from floorsense.alerts.rules import Rules, parse_rules
from floorsense.storage import Store

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
# Ten in the morning of some day, in UTC.
START = 1_767_261_600_000
TOPIC = "factory/floor-2/machine-42/temperature"
OTHER = "factory/floor-3/machine-7/temperature"

HOT = """
[contact.shift]
notify = ["test://shift"]
[contact.chief]
notify = ["test://chief"]
[[rule]]
name = "hot"
topic = "+/+/+/temperature"
above = 85
clear = 83
"""


def rules(text: str) -> Rules:
    # Apprise knows no test://, so that nothing here can reach anybody by mistake.
    return parse_rules(text.replace("test://", "json://127.0.0.1:9/"), "rules.toml")


def hot(more: str = "") -> Rules:
    return rules(HOT + more)


def reading(value: float | None, at: int, topic: str = TOPIC, **more: Any) -> Any:
    """One of that time; its ``seq`` grows with the time, as a board's does."""
    return arrival(at - START + 10**9, topic=topic, value=value, ts_ms=at, arrived=at, **more)


def feed(engine: Engine, values: list[float], start: int = START, step: int = SECOND, topic: str = TOPIC) -> list[Alarm]:
    changed = []
    for place, value in enumerate(values):
        at = start + place * step
        changed += engine.take([reading(value, at, topic)], at)
    return changed


def everything(store: Store) -> list[Alarm]:
    return store.read(lambda connection: listed(connection))


class Box:
    """Takes what a postman sends, or not, and counts."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.is_down = False
        self.tries = 0

    def __call__(self, url: str, title: str, body: str) -> bool:
        self.tries += 1
        if not self.is_down:
            self.sent.append((url.rpartition("/")[2], title, body))
        return not self.is_down

    def titles(self) -> list[str]:
        return [f"{who} {title.partition(']')[0][1:]}" for who, title, _ in self.sent]


def run(postman: Postman, start: int, end: int, step: int = MINUTE) -> None:
    for now in range(start, end, step):
        postman.step(now)
