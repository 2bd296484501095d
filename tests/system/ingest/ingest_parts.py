"""What the tests of the ingestion stand on: a storage that can be away, what is sent to a broker, and what came of it."""

import json
from collections.abc import Sequence
from typing import Any

import paho.mqtt.publish as publish
import paho.mqtt.subscribe as subscribe
import sqlalchemy as sa
from factory_parts import until
from factory_readings import TOPIC

from floornode.contract import mark
from floorsense.broker_url import BrokerUrl
from floorsense.errors import DatabaseError
from floorsense.storage import Store, quarantine
from floorsense.storage.schema import readings

HOST = "127.0.0.1"
READINGS = ("+/+/+/temperature",)
MACHINE = TOPIC.rpartition("/")[0]
# A session is worth something where the broker keeps more than a few messages of it.
ROOM = "allow_anonymous true\nmax_queued_messages 100000\nmax_inflight_messages 1000\nset_tcp_nodelay true"


class Away(Store):
    """A store that can be taken away and given back."""

    is_away = False

    def put_readings(self, arrivals: Sequence[Any]) -> Any:
        if self.is_away:
            raise DatabaseError("database floor.db: it is away")
        return super().put_readings(arrivals)


def url_of(broker: Any, scheme: str = "mqtt") -> BrokerUrl:
    return BrokerUrl.parse(f"{scheme}://{HOST}:{broker.port}")


def send(broker: Any, *payloads: bytes | dict[str, Any], topic: str = TOPIC, qos: int = 1) -> None:
    coded = [json.dumps(one).encode() if isinstance(one, dict) else one for one in payloads]
    messages = [{"topic": topic, "payload": one, "qos": qos} for one in coded]
    publish.multiple(messages, hostname=HOST, port=broker.port)


def seqs(store: Store) -> list[int]:
    return store.read(lambda c: list(c.scalars(sa.select(readings.c.seq).order_by(readings.c.topic_id, readings.c.seq))))


def comes(store: Store, wanted: list[int], limit_s: float = 20) -> None:
    until(lambda: seqs(store) == wanted, limit_s)
    assert seqs(store) == wanted


def told(broker: Any) -> mark.Life:
    """The mark as the broker has it; waits for one."""
    found = subscribe.simple(f"{MACHINE}/mark", qos=1, hostname=HOST, port=broker.port, keepalive=5)
    (life,) = mark.decode(json.loads(found.payload))["temperature"]
    return life


def refusals(store: Store, count: int) -> list[dict[str, Any]]:
    def ask() -> list[dict[str, Any]]:
        return store.read(lambda c: quarantine.listed(c, None, 100))

    until(lambda: len(ask()) >= count, 20)
    return ask()
