"""kill -9 of each part of the factory's side, at any moment and under load: each reading that the broker had is stored once.

A run publishes while one part after the other is killed and started again. In the end the database is read past the
program, by SQL of the tests' own, and held against what the boards say they sent. FLOORSENSE_SEED has other moments.
"""

import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.subscribe as subscribe
import pytest
from factory_parts import HOST, Ledger, Process, floorsense, get, mosquitto_configuration, publishers, told, until

from floornode.contract import mark
from floorsense.broker.local import free_port
from floorsense.toolchain.mosquitto import find_mosquitto

BOARDS = 20
RATE = 600
SEED = int(os.environ.get("FLOORSENSE_SEED", "6"))


class Factory:
    """Broker, API and ingester as processes over one database, and boards that publish."""

    def __init__(self, folder: Path, database: str) -> None:
        program = find_mosquitto() or pytest.skip("no Mosquitto on this machine")
        self.port, api_port = free_port(), free_port()
        self.address = f"http://{HOST}:{api_port}/api/v1"
        self.broker = Process(folder, "broker", str(program), "-c", str(mosquitto_configuration(folder, self.port)))
        listen = ("--listen", f"{HOST}:{api_port}")
        self.api = floorsense(folder, "api", "api", "--database", database, "--wait", *listen)
        broker = ("--broker", f"mqtt://{HOST}:{self.port}", "--wait")
        self.ingest = floorsense(folder, "ingest", "ingest", *broker, "--api", f"http://{HOST}:{api_port}")
        self.ledger = Ledger(database)
        self._folder = folder

    def start(self) -> "Factory":
        self.broker.start("running")
        self.api.start("storage API at")
        self.ingest.start("connected as")
        return self

    def publish(self, seconds: float) -> Process:
        return publishers(self._folder, self.port, boards=BOARDS, rate=RATE, seconds=seconds).start("connected")

    def stop(self) -> None:
        self.ledger.close()
        for part in (self.ingest, self.api, self.broker):
            part.kill()

    def marks(self) -> dict[str, mark.Life]:
        """What the ingester retained at the broker, by topic."""
        topics = [f"factory/floor-{number % 10}/machine-{number}/mark" for number in range(BOARDS)]
        messages = subscribe.simple(topics, qos=1, msg_count=BOARDS, hostname=HOST, port=self.port, keepalive=5)
        lives = {message.topic.rpartition("/")[0]: mark.decode(json.loads(message.payload)) for message in messages}
        return {f"{machine}/temperature": found["temperature"][0] for machine, found in lives.items()}


@pytest.fixture
def factory(tmp_path: Path, database_url: str) -> Iterator[Factory]:
    running = Factory(tmp_path, database_url)
    try:
        yield running.start()
    finally:
        running.stop()


def kill_in_turn(parts: list[Callable[[], None]], sender: Process) -> int:
    """Each part once at least, and on until the boards have sent all; how often."""
    moments = random.Random(SEED)
    for times, part in enumerate(itertools.cycle(parts)):
        if times >= len(parts) and not sender.is_running():
            return times
        time.sleep(moments.uniform(0.1, 1.5))
        part()
    raise AssertionError


def again(part: Process) -> None:
    """Killed and started; the next kill may meet it while it still starts."""
    part.kill()
    part.start()


@pytest.mark.timeout(120)
def test_ingester_api_and_database_are_killed_and_every_reading_is_stored_once(
    factory: Factory, database_url: str, request: pytest.FixtureRequest
) -> None:
    kills = [lambda: again(factory.ingest), lambda: again(factory.api)]
    if database_url.startswith("postgresql"):
        postgres = request.getfixturevalue("postgres")

        def database() -> None:
            postgres.kill()
            postgres.start()

        kills.append(database)
    sender = factory.publish(6)
    killed = kill_in_turn(kills, sender)
    sent = told(sender)
    assert sent["acknowledged"] == sent["sent"] > RATE
    until(lambda: factory.ledger.count() >= sent["sent"], 40, 0.2)
    print(f"seed {SEED}: {killed} kills, {sent['sent']} readings")
    assert factory.ledger.seqs() == {(topic, 1): set(range(count)) for topic, count in sent["topics"].items()}
    assert factory.ledger.count() == factory.ledger.distinct() == sent["sent"]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_a_killed_broker_lost_is_named_as_a_gap_and_nothing_else_is_missing(factory: Factory) -> None:
    sender = factory.publish(9)
    time.sleep(1)
    factory.ingest.kill()
    time.sleep(2.5)
    # It has acknowledged what it has on no disk: its last save was before.
    factory.broker.kill()
    factory.broker.start("running")
    factory.ingest.start("connected as")
    assert sender.wait(60) == 0
    sent = told(sender)
    assert sent["acknowledged"] == sent["sent"]
    last = {(topic, 1): count - 1 for topic, count in sent["topics"].items()}
    until(lambda: {key: max(seqs) for key, seqs in factory.ledger.seqs().items()} == last, 30, 0.5)
    held = factory.ledger.seqs()
    lost = {topic: set(range(count)) - held[topic, 1] for topic, count in sent["topics"].items()}
    assert any(lost.values()), "the broker lost nothing: this test shows nothing"
    assert factory.ledger.count() == factory.ledger.distinct() == sent["sent"] - sum(map(len, lost.values()))
    told_missing = {
        reading["topic"]: reading["missing"]
        for station in get(f"{factory.address}/stations?limit=100")["stations"]
        for reading in station["latest"]
    }
    assert told_missing == {topic: len(seqs) for topic, seqs in lost.items()}
    marks = until(lambda: all_told(factory.marks(), lost), 10, 1)
    assert marks, "the marks at the broker do not name what is missing"


def all_told(marks: dict[str, mark.Life], lost: dict[str, set[int]]) -> bool:
    """Whether each mark shows just what is missing as missing."""
    return all({seq for seq in range(life.top + 1) if not life.holds(seq)} == lost[topic] for topic, life in marks.items())
