"""Hostile input to the ingestion: it is quarantined with the reason, and holds up none of its neighbours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from factory_readings import TOPIC, fields
from ingest_parts import MACHINE, Away, comes, refusals, send, url_of

from floorsense.ingest.ingester import Ingester
from floorsense.ingest.judge import MAX_PAYLOAD
from floorsense.storage import Database, Unfit

GOOD = {"value": 20.5, "unit": "C", "boot": 1}
HOSTILE = [
    (TOPIC, b"\xff\xfe", "the payload is no UTF-8"),
    (TOPIC, b'{"value":', "the payload is no JSON"),
    (TOPIC, b"[" * 60_000, "nested too deeply"),
    (TOPIC, b"[]", "JSON object"),
    (TOPIC, b'{"value":NaN,"unit":"C","ts":1706900000}', "NaN is no JSON"),
    (TOPIC, b'{"value":1e400,"unit":"C","ts":1706900000}', "value"),
    (TOPIC, b'{"value":' + b"9" * 5000 + b',"unit":"C","ts":1706900000}', "thousands of digits"),
    (TOPIC, b" " * MAX_PAYLOAD + b"{}", f"{MAX_PAYLOAD} at most"),
    (TOPIC, {**GOOD, "unit": "<script>alert(1)</script>", "ts": 1706900000, "seq": 1}, "unit"),
    (TOPIC, {**GOOD, "ts": "now", "seq": 1}, "ts"),
    (TOPIC, {**GOOD, "ts": 10**400, "seq": 1}, "ts"),
    (TOPIC, {**GOOD, "ts": 1706900000, "seq": -1}, "seq"),
    (TOPIC, {**GOOD, "ts": 1706900000, "seq": True}, "seq"),
    (TOPIC, {**GOOD, "ts": 946684700, "boot": 2, "seq": 2}, "'ts' is before 2000"),
    (f"{MACHINE}/colour", {**GOOD, "ts": 1706900000, "seq": 1}, "colour"),
    (f"{MACHINE}/status", b'{"status":"dancing","boot":1}', "status"),
    ("short", b"{}", "topic"),
    ("a/b/c/d/e/f", b"{}", "topic"),
    ("factory//machine/temperature", b"{}", "topic"),
]


def test_hostile_messages_are_quarantined_with_the_reason_and_their_neighbours_are_stored(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store) as ingester:
        for number, (topic, payload, _) in enumerate(HOSTILE):
            send(broker, payload, topic=topic)
            send(broker, fields(number))
        comes(store, list(range(len(HOSTILE))))
        found = refusals(store, len(HOSTILE))
        assert ingester.words()["ingest"]() == "ok"
    assert len(found) == len(HOSTILE)
    for topic, _, words in HOSTILE:
        assert any(entry["topic"] == topic and words in entry["reason"] for entry in found), (topic, words)
    assert all(len(entry["reason"]) < 300 and "\n" not in entry["reason"] for entry in found)


def test_what_is_for_nobodys_storage_is_passed_by(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store) as ingester:
        send(broker, b"", topic=f"{MACHINE}/status")
        for leaf in ("command", "capture"):
            send(broker, b"\xff", topic=f"{MACHINE}/{leaf}")
        send(broker, fields(0))
        comes(store, [0])
        assert ingester.link.received >= 4
    assert refusals(store, 0) == []


def test_SQL_and_HTML_in_a_machines_name_are_stored_as_the_text_they_are(broker: Any, store: Away) -> None:
    names = ["'; DROP TABLE readings; --", "<img src=x onerror=alert(1)>", '"&lt;', "Ünïcödé-\N{SNOWMAN}"]
    with Ingester(url_of(broker), store):
        for name in names:
            send(broker, fields(0), topic=f"factory/floor-1/{name}/temperature")
        comes(store, [0] * len(names))
    assert sorted(store.machines()) == sorted(f"factory/floor-1/{name}" for name in names)


class Choosy(Away):
    """A database that refuses one reading for its own sake, whatever the reason may be."""

    def put_readings(self, arrivals: Sequence[Any]) -> Any:
        if any(one.reading.seq == 13 for one in arrivals):
            raise Unfit("thirteen")
        return super().put_readings(arrivals)


def test_one_reading_that_the_database_will_not_take_holds_up_no_other(broker: Any, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    store = Choosy(database)
    with Ingester(url_of(broker), store):
        send(broker, *(fields(seq) for seq in range(40)))
        comes(store, [seq for seq in range(40) if seq != 13])
        (entry,) = refusals(store, 1)
    assert "the storage refused it: thirteen" in entry["reason"] and '"seq":13' in entry["payload"]
    database.close()
