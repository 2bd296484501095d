"""The marks of a machine with as many quantities as a board may have, at a real Mosquitto."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
from factory_parts import until
from factory_readings import TOPIC, fields

from floornode.contract import mark, mark_pages
from floorsense.broker_url import BrokerUrl
from floorsense.ingest.ingester import Ingester
from floorsense.listener import Listener
from floorsense.storage import Database, Store

MACHINE = TOPIC.rpartition("/")[0]
POINTS = [f"temperature.mould-zone-{i}" for i in range(16)]
# Of three boots, with more gaps than a mark tells one by one.
STORED = [(boot, seq) for boot in (1, 2, 3) for seq in range(0, 40, 2)]


def test_the_mark_of_sixteen_points_with_gaps_comes_in_pages_that_a_board_takes(
    start_mosquitto: Callable[[str], Any], tmp_path: Path
) -> None:
    broker = start_mosquitto("allow_anonymous true\nmax_queued_messages 100000")
    url = BrokerUrl.parse(f"mqtt://{broker.host}:{broker.port}")
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    came: list[bytes] = []
    with Listener(url, [f"{MACHINE}/mark"], lambda _topic, data, *_: came.append(data)), Ingester(url, Store(database)):
        messages = [
            {"topic": f"{MACHINE}/{point}", "payload": json.dumps(fields(seq, boot)), "qos": 1}
            for point in POINTS
            for boot, seq in STORED
        ]
        publish.multiple(messages, hostname=broker.host, port=broker.port)

        def last_mark() -> dict[str, list[mark.Life]]:
            """The newest whole mark, put together as a board does it."""
            found: dict[str, list[mark.Life]] = {}
            for data in reversed(came):
                if not found and mark.page(json.loads(data))[0] != mark.page(json.loads(data))[1]:
                    continue
                found |= mark.decode(json.loads(data))
                if mark.page(json.loads(data))[0] == 1:
                    break
            return found

        def is_told() -> bool:
            told = last_mark()
            return sorted(told) == sorted(POINTS) and all(
                [(life.boot, life.top) for life in lives] == [(3, 38), (2, 38), (1, 38)] for lives in told.values()
            )

        assert until(is_told, 20), came[-3:]
        # The same is not told again.
        count = len(came)
        time.sleep(2.5)
        assert len(came) == count
    assert len({mark.page(json.loads(data)) for data in came}) > 1
    assert max(map(len, came)) <= mark_pages.MAX_SIZE
    database.close()
