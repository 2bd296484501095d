"""The ingestion at a real Mosquitto: what it stores, acknowledges and refuses, and what it does while something is away."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import paho.mqtt.publish as publish
import paho.mqtt.subscribe as subscribe
import pytest
import sqlalchemy as sa
from factory_parts import until
from factory_readings import TOPIC, fields, now_ms
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from floornode.contract import mark
from floorsense.broker.authority import make_authority, make_server
from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError, DatabaseError, UsageError
from floorsense.ingest import link
from floorsense.ingest.backlog import Backlog
from floorsense.ingest.ingester import Ingester
from floorsense.ingest.judge import MAX_PAYLOAD
from floorsense.storage import Database, Store, Unfit, quarantine, stations
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Away]:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    yield Away(database)
    database.close()


@pytest.fixture
def broker(start_mosquitto: Callable[[str], Any]) -> Any:
    return start_mosquitto(ROOM)


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


# ---- acknowledged when stored


def test_what_was_not_stored_was_not_acknowledged_and_comes_again(broker: Any, store: Away) -> None:
    store.is_away = True
    with Ingester(url_of(broker), store) as ingester:
        send(broker, *(fields(seq) for seq in range(30)))
        assert until(lambda: ingester.link.received == 30, 10)
    assert seqs(store) == []
    store.is_away = False
    with Ingester(url_of(broker), store):
        comes(store, list(range(30)))


def test_what_was_published_while_we_were_away_is_stored(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store, topics=READINGS):
        send(broker, fields(0))
        comes(store, [0])
    send(broker, *(fields(seq) for seq in range(1, 200)))
    with Ingester(url_of(broker), store, topics=READINGS) as ingester:
        comes(store, list(range(200)))
        assert ingester.link.received == 199, "the first came again, though it was acknowledged"


def test_a_storage_that_pauses_stops_the_flow_and_nothing_comes_twice(broker: Any, store: Away) -> None:
    backlog = Backlog(most=100)
    with Ingester(url_of(broker), store, topics=READINGS, backlog=backlog) as ingester:
        store.is_away = True
        # The first of them is taken, and cannot be stored.
        send(broker, fields(0))
        assert until(lambda: ingester.words()["ingest"]() != "ok", 10)
        send(broker, *(fields(seq) for seq in range(1, 1000)))
        assert until(lambda: backlog.is_nearly_full(), 10)
        time.sleep(0.3)
        assert len(backlog) < 100
        store.is_away = False
        comes(store, list(range(1000)), 30)
        assert (ingester.link.received, ingester.link.overflows) == (1000, 0)
        assert until(lambda: ingester.words()["ingest"]() == "ok", 5)


def test_a_storage_that_stays_away_is_waited_for_in_bounded_memory(
    broker: Any, store: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_HOLD_S", 0.3)
    backlog = Backlog(most=100)
    with Ingester(url_of(broker), store, topics=READINGS, backlog=backlog) as ingester:
        store.is_away = True
        send(broker, *(fields(seq) for seq in range(1500)))
        assert until(lambda: ingester.link.overflows, 20)
        assert len(backlog) < 100
        store.is_away = False
        comes(store, list(range(1500)), 30)
        assert ingester.link.overflows == 1


def test_a_reading_published_with_QoS_2_is_stored_once(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store):
        send(broker, fields(0), fields(1), qos=2)
        comes(store, [0, 1])


def test_a_broker_that_forgot_everything_is_subscribed_to_and_told_its_marks_again(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store) as ingester:
        send(broker, fields(0))
        comes(store, [0])
        broker.stop()
        broker.start()
        assert until(lambda: ingester.link.connects == 2, 20)
        assert until(lambda: ingester.link.word() == "ok", 10)
        assert told(broker).seq == 0
        send(broker, fields(1))
        comes(store, [0, 1])


def test_the_mark_is_retained_after_the_commit_and_names_the_gap(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store):
        send(broker, fields(0), fields(1), fields(5))
        comes(store, [0, 1, 5])
        life = until(lambda: (found := told(broker)) and found.top == 5 and found, 5)
    assert life and (life.boot, life.seq, life.gaps) == (1, 1, [(2, 4)])


def test_a_board_that_goes_is_known_as_lost_by_its_will(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store):
        will = {"status": "lost", "boot": 4}
        send(broker, {"status": "online", "boot": 4, "ts": now_ms() / 1000, "readings": {}}, will, topic=f"{MACHINE}/status")

        def status() -> Any:
            found = store.read(lambda c: stations.found(c, MACHINE))
            return found and found["status"]

        assert until(lambda: status() == "lost", 10)


# ---- sharing


def test_several_ingesters_share_the_load_and_each_reading_is_stored_once(broker: Any, store: Away) -> None:
    topics = [f"factory/floor-1/m-{number}/temperature" for number in range(10)]
    shared = {"share": "ingest", "topics": READINGS}
    with (
        Ingester(url_of(broker), store, name="one", **shared) as one,
        Ingester(url_of(broker), store, name="two", **shared) as two,
    ):
        for topic in topics:
            send(broker, *(fields(seq) for seq in range(100)), topic=topic)
        comes(store, [seq for _ in topics for seq in range(100)], 30)
        assert min(one.link.received, two.link.received) > 0
        assert one.link.received + two.link.received == 1000
    marks = store.marks(topic.rpartition("/")[0] for topic in topics)
    assert {life.seq for found in marks.values() for life in found["temperature"]} == {99}


def test_the_share_of_an_ingester_that_stopped_waits_for_it_and_is_stored_when_it_is_back(broker: Any, store: Away) -> None:
    shared = {"share": "ingest", "topics": READINGS}
    with Ingester(url_of(broker), store, name="one", **shared):
        with Ingester(url_of(broker), store, name="two", **shared):
            send(broker, *(fields(seq) for seq in range(100)))
            comes(store, list(range(100)))
        send(broker, *(fields(seq) for seq in range(100, 200)))
        with Ingester(url_of(broker), store, name="two", **shared):
            comes(store, list(range(200)))


def test_two_ingesters_of_one_name_do_not_play_ping_pong(broker: Any, store: Away) -> None:
    with Ingester(url_of(broker), store) as one, Ingester(url_of(broker), store) as two:
        assert until(lambda: any("another ingester" in each.link.word() for each in (one, two)), 10, 0.005)
        time.sleep(4)
        assert one.link.connects + two.link.connects < 12


# ---- through firewalls


@contextmanager
def gateway(broker: Any, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A WebSocket at its port, before the broker: Mosquitto has one only where it was built so."""

    def carry(web: ServerConnection) -> None:
        with socket.create_connection((HOST, broker.port)) as plain, suppress(OSError, ConnectionClosed):
            threading.Thread(target=forward, args=(plain, web), daemon=True).start()
            for message in web:
                plain.sendall(message)

    def forward(plain: socket.socket, web: ServerConnection) -> None:
        with suppress(OSError, ConnectionClosed):
            while data := plain.recv(65536):
                web.send(data)
        web.close()

    with serve(carry, HOST, 0, subprotocols=["mqtt"], ssl=tls) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
    thread.join(5)


def test_a_broker_is_reached_over_WebSocket(broker: Any, store: Away) -> None:
    with gateway(broker) as port, Ingester(BrokerUrl.parse(f"ws://{HOST}:{port}"), store):
        send(broker, *(fields(seq) for seq in range(50)))
        comes(store, list(range(50)))


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's, whose certificate is signed by ``tmp_path / "ca.pem"``."""
    authority = make_authority("test CA")
    server = make_server(authority, [HOST])
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    (tmp_path / "server.pem").write_bytes(server.certificate + server.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def test_a_broker_is_reached_over_WebSocket_and_TLS(broker: Any, store: Away, tls: ssl.SSLContext, tmp_path: Path) -> None:
    ca = str(tmp_path / "ca.pem")
    with gateway(broker, tls) as port, Ingester(BrokerUrl.parse(f"wss://{HOST}:{port}"), store, ca=ca):
        send(broker, *(fields(seq) for seq in range(50)))
        comes(store, list(range(50)))


def test_T39_an_unknown_CA_is_refused_over_WebSocket_too(broker: Any, store: Away, tls: ssl.SSLContext) -> None:
    with gateway(broker, tls) as port, pytest.raises(BrokerError, match=r"certificate is not to be trusted"):
        Ingester(BrokerUrl.parse(f"wss://{HOST}:{port}"), store).__enter__()


def test_a_broker_that_speaks_no_WebSocket_is_named(broker: Any, store: Away) -> None:
    with pytest.raises(BrokerError, match=r"does not speak MQTT over WebSocket at /mqtt"):
        Ingester(url_of(broker, "ws"), store).__enter__()


@pytest.mark.parametrize("topic", ["factory/#/x", "a/b+", ""])
def test_a_filter_that_is_none_is_a_wrong_use(topic: str, store: Away) -> None:
    with pytest.raises(UsageError, match=r"^--topic "):
        Ingester(BrokerUrl(HOST, 1), store, topics=[topic])


# ---- hostile input

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
