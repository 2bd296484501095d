"""The ingestion at a real Mosquitto: what it stores and acknowledges, and what it does while something is away."""

import time
from typing import Any

import pytest
from factory_parts import until
from factory_readings import fields, now_ms
from ingest_parts import HOST, MACHINE, READINGS, Away, comes, send, seqs, told, url_of

from floorsense.broker_url import BrokerUrl
from floorsense.errors import UsageError
from floorsense.ingest import link
from floorsense.ingest.backlog import Backlog
from floorsense.ingest.ingester import Ingester
from floorsense.storage import stations

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


@pytest.mark.parametrize("topic", ["factory/#/x", "a/b+", ""])
def test_a_filter_that_is_none_is_a_wrong_use(topic: str, store: Away) -> None:
    with pytest.raises(UsageError, match=r"^--topic "):
        Ingester(BrokerUrl(HOST, 1), store, topics=[topic])
