"""What real boards send, through a real broker, against the AsyncAPI document that is given to other people."""

import json
import re
import threading
import time
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from floorsense.bench.farm import Farm
from floorsense.bench.plan import Plan, plan
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.schemas import DOCS

ASYNCAPI: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
Heard = list[tuple[str, bytes, int, bool]]


def channel_of(topic: str) -> str:
    """The name of the document's channel that ``topic`` belongs to."""
    for name, channel in ASYNCAPI["channels"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", channel["address"]), topic):
            return str(name)
    pytest.fail(f"no channel for {topic}")


def message_schemas(channel: str) -> list[Draft202012Validator]:
    """Schemas of the messages that may come on ``channel``."""
    found = []
    for reference in ASYNCAPI["channels"][channel]["messages"].values():
        message = ASYNCAPI["components"]["messages"][reference["$ref"].rpartition("/")[2]]
        schema = ASYNCAPI["components"]["schemas"][message["payload"]["$ref"].rpartition("/")[2]]
        found.append(Draft202012Validator(schema))
    return found


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    """All that two boards said in their lives: one whose sensor dies and comes back, and one whose power is cut."""
    folder = tmp_path_factory.mktemp("live")
    said: Heard = []

    def hear(topic: str, payload: bytes, qos: int, retain: bool, _dup: bool, _at_ms: float) -> None:
        said.append((topic, payload, qos, retain))

    with LocalBroker(folder) as broker:
        whole = plan(2, {"temperature": 2, "pressure": 1, "humidity": 0}, (broker.url.host, broker.url.port), {})
        faulty = whole.boards[0]
        for chips in faulty.simulation["i2c"].values():
            for chip in chips.values():
                chip["faults"] = [{"kind": "nack", "at_s": 2.5, "for_s": 1.5}]
        topics = [f"{one.name}/#" for one in whole.boards]
        with Listener(broker.url, topics, hear), Farm(Plan(whole.boards, whole.recordings, []), folder) as farm:
            farm.start(threading.Event())
            time.sleep(6)
            farm.boards[1].process.kill()
            assert farm.stop() == []
            end = time.monotonic() + 5
            while sum(b'"stopped"' in one[1] or b'"lost"' in one[1] for one in said) < 2 and time.monotonic() < end:
                time.sleep(0.05)
    return said


def test_every_message_is_of_a_channel_and_of_its_schema(heard: Heard) -> None:
    assert len(heard) > 20
    for topic, payload, _qos, _retain in heard:
        fields = json.loads(payload)
        assert any(schema.is_valid(fields) for schema in message_schemas(channel_of(topic))), (topic, payload)


def test_the_life_of_a_board_was_heard_whole(heard: Heard) -> None:
    """Or the test above would have shown less than it says."""
    said = [json.loads(payload) for _topic, payload, _qos, _retain in heard]
    assert {one["status"] for one in said if "status" in one} == {"online", "lost", "stopped"}
    assert any("sensor-fault" in one.get("quality", ()) for one in said)
    assert any(one.get("value") is not None and one["seq"] > 3 for one in said if "value" in one)


def test_each_comes_at_the_QoS_that_its_birth_declares(heard: Heard) -> None:
    births = {topic: json.loads(payload) for topic, payload, _qos, _retain in heard if b'"online"' in payload}
    assert len(births) == 2
    for topic, _payload, qos, retain in heard:
        board, _, leaf = topic.rpartition("/")
        if leaf in births[f"{board}/status"]["readings"]:
            assert (qos, retain) == (births[f"{board}/status"]["readings"][leaf]["qos"], False), topic


def test_the_fields_of_a_reading_come_in_the_order_of_the_contract(heard: Heard) -> None:
    readings = [list(json.loads(payload)) for topic, payload, _qos, _retain in heard if b'"value"' in payload]
    assert readings
    for fields in readings:
        assert fields[:5] == ["value", "unit", "ts", "boot", "seq"]
        assert fields[5:] in ([], ["quality"], ["quality", "reason"])


def test_ts_has_milliseconds_as_the_contract_writes_them(heard: Heard) -> None:
    for _topic, payload, _qos, _retain in heard:
        if b'"value"' in payload:
            assert re.search(rb'"ts":\d+\.\d{3},', payload), payload
