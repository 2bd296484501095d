"""Who is told, and once: mail through real SMTP, SMS through an HTTP gateway, hours by a given clock."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from alert_parts import HOT, HOUR, MINUTE, OTHER, SECOND, START, TOPIC, Box, everything, feed, hot, reading, rules, run
from factory_parts import floorsense, until
from factory_readings import arrival

from floorsense.alerts import Engine, Postman, outbound
from floorsense.alerts.alarms import acknowledge
from floorsense.alerts.rules import read_rules
from floorsense.alerts.tables import notices
from floorsense.storage import Database, Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    database.open()
    yield Store(database, keep_ms=10**12)
    database.close()


def test_T63_reminders_and_escalation_end_with_the_acknowledgement(store: Store) -> None:
    told = 'whom = ["shift"]\nremind = "10m"\nescalate = [{after = "15m", whom = ["chief"]}]\n'
    engine = Engine(store, hot(told))
    (alarm,) = feed(engine, [90])
    box = Box()
    postman = Postman(store, engine.rules, box)
    run(postman, START, START + 25 * MINUTE)
    assert box.titles() == ["shift ALARM", "shift STILL OPEN", "chief NOT ACKNOWLEDGED", "shift STILL OPEN"]
    known, is_new = store.write(lambda connection: acknowledge(connection, alarm.id, "Ada", START + 25 * MINUTE))
    assert known is not None and (known.state, known.acked_by, is_new) == ("acknowledged", "Ada", True)
    run(postman, START + 25 * MINUTE, START + 2 * HOUR)
    assert len(box.sent) == 4
    feed(engine, [80], START + 2 * HOUR)
    postman.step(START + 2 * HOUR)
    assert sorted(box.titles()[4:]) == ["chief cleared", "shift cleared"]


def test_T63_quiet_hours_hold_back_what_is_not_critical_until_they_end(store: Store) -> None:
    text = HOT.replace('["test://shift"]', '["test://shift"]\nquiet = "22:00-06:00"\ntime_zone = "Europe/Berlin"')
    text += 'whom = ["shift"]\n' + HOT[HOT.index("[[rule]]") :].replace('"hot"', '"fire"').replace("85", "99").replace(
        "83", "90"
    )
    engine = Engine(store, rules(text + 'severity = "critical"\nwhom = ["shift"]\n'))
    box = Box()
    postman = Postman(store, engine.rules, box)
    # 23:00 in Berlin, in winter.
    night = START + 12 * HOUR
    feed(engine, [86], night)
    run(postman, night, night + HOUR)
    assert box.sent == []
    feed(engine, [120], night + HOUR)
    run(postman, night + HOUR, night + 7 * HOUR)
    assert [title for _, title, _ in box.sent] == [f"[ALARM] critical: fire at {TOPIC}"]
    run(postman, night + 7 * HOUR, night + 7 * HOUR + 1)
    assert [title for _, title, _ in box.sent][1:] == [f"[ALARM] warning: hot at {TOPIC}"]


def test_T63_what_is_critical_is_told_however_much_waits_for_the_morning(store: Store) -> None:
    text = HOT.replace('["test://shift"]', '["test://shift"]\nquiet = "22:00-06:00"') + 'whom = ["shift"]\n'
    text += '[[rule]]\nname = "fire"\ntopic = "+/+/+/temperature"\nabove = 99\nseverity = "critical"\nwhom = ["shift"]\n'
    engine = Engine(store, rules(text))
    box = Box()
    night = START + 13 * HOUR
    engine.take([reading(90, night, f"a/b/c{n}/temperature") for n in range(outbound.MOST_AT_ONCE + 10)], night)
    engine.take([reading(120, night + SECOND, "a/b/d/temperature")], night + SECOND)
    run(Postman(store, engine.rules, box), night + 2 * SECOND, night + 3 * MINUTE)
    assert [title for _, title, _ in box.sent] == ["[ALARM] critical: fire at a/b/d/temperature"]


def test_T64_a_mail_server_that_was_down_for_an_hour_gets_each_mail_once(store: Store) -> None:
    engine = Engine(
        store, rules(HOT.replace('["test://shift"]', '["test://shift"]\nmost_per_hour = 60') + 'whom = ["shift"]\n')
    )
    box = Box()
    box.is_down = True
    postman = Postman(store, engine.rules, box)
    for machine in range(5):
        feed(engine, [90], START + machine * MINUTE, topic=f"factory/floor-2/machine-{machine}/temperature")
        run(postman, START + machine * MINUTE, START + (machine + 1) * MINUTE, 5 * SECOND)
    run(postman, START + 5 * MINUTE, START + HOUR, 5 * SECOND)
    assert 10 < box.tries < 40
    # Another process goes on with the queue.
    box.is_down = False
    run(Postman(store, engine.rules, box), START + HOUR, START + 2 * HOUR, 10 * SECOND)
    assert sorted(title for _, title, _ in box.sent) == [
        f"[ALARM] warning: hot at factory/floor-2/machine-{n}/temperature" for n in range(5)
    ]


def test_T65_no_more_than_a_person_can_read_and_nothing_is_left_out(store: Store) -> None:
    engine = Engine(store, hot('whom = ["shift"]\n'))
    box = Box()
    postman = Postman(store, engine.rules, box)
    for machine in range(120):
        at = START + machine * MINUTE
        feed(engine, [90], at, topic=f"factory/floor-2/machine-{machine}/temperature")
        postman.step(at)
    run(postman, START + 2 * HOUR, START + 4 * HOUR)
    assert 7 <= len(box.sent) <= 18
    for machine in range(120):
        assert sum(f"machine-{machine}/" in body for _, _, body in box.sent) == 1 or machine > 50
    # Of a message of very many the first fifty are written out, and the others counted.
    assert any("and " in body and " more" in body for _, _, body in box.sent)


def test_a_postman_that_died_with_notices_in_its_hand_leaves_them_to_another(store: Store) -> None:
    engine = Engine(store, hot('whom = ["shift"]\n'))
    feed(engine, [90])

    class Killed(BaseException):
        pass

    def die(url: str, title: str, body: str) -> bool:
        raise Killed

    with pytest.raises(Killed):
        Postman(store, engine.rules, die).step(START)
    box = Box()
    run(Postman(store, engine.rules, box), START, START + 10 * MINUTE, 10 * SECOND)
    assert box.titles() == ["shift ALARM"]


def test_notices_for_a_contact_that_left_the_rules_are_told_wait_three_days_and_reach_it_if_it_is_back(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Engine(store, hot('whom = ["shift", "chief"]'))
    feed(engine, [90.0])
    box = Box()
    without = Postman(store, rules(HOT.replace('[contact.chief]\nnotify = ["test://chief"]', "")), box)
    run(without, START, START + HOUR)
    assert (box.titles(), without.strays) == (["shift ALARM"], {"chief/0": 1})
    assert [one.message for one in caplog.records if "chief" in one.message] == [
        "chief/0 is not in the rules; what waits for it (1) is given up after three days"
    ]
    run(Postman(store, engine.rules, box), START + HOUR, START + HOUR + MINUTE)
    assert box.titles() == ["shift ALARM", "chief ALARM"]

    feed(engine, [20.0, 90.0], START + 2 * HOUR)
    run(without, START + 75 * HOUR, START + 75 * HOUR + MINUTE)
    assert without.strays == {}
    run(Postman(store, engine.rules, box), START + 75 * HOUR, START + 76 * HOUR)
    assert box.titles().count("chief ALARM") == 1


# ---- the real things


@pytest.fixture
def mail() -> Iterator[Callable[[], Any]]:
    """Starts a real SMTP server on one port, as often as it is asked; ``.mails`` are those it took."""

    class Handler:
        def __init__(self) -> None:
            self.mails: list[Any] = []

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
            self.mails.append(message_from_bytes(envelope.content))
            return "250 taken"

    running: list[Controller] = []
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def start() -> Any:
        handler = Handler()
        controller = Controller(handler, hostname="127.0.0.1", port=port)
        running.append(controller)
        controller.start()
        return handler

    start.port = port  # type: ignore[attr-defined]
    yield start
    for one in running:
        one.stop(no_assert=True)


def test_T64_mail_by_smtp_and_sms_by_a_gateway_when_they_are_there_again(tmp_path: Path, mail: Any) -> None:
    texts: list[dict[str, Any]] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    gateway = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    path = tmp_path / "rules.toml"
    path.write_text(
        f'[contact.shift]\nnotify = ["mailto://127.0.0.1:{mail.port}?from=alerts@plant.example&to=shift@plant.example", '
        f'"json://127.0.0.1:{gateway.server_port}/sms"]\n' + HOT[HOT.index("[[rule]]") :] + 'whom = ["shift"]\n'
    )
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    try:
        store = Store(database)
        engine = Engine(store, read_rules(path))
        postman = Postman(store, engine.rules)
        feed(engine, [90.4])
        postman.step(START)
        assert (len(texts), postman.counts["failures"]) == (1, 1)
        server = mail()
        run(postman, START + SECOND, START + 5 * MINUTE, 5 * SECOND)
        assert [str(make_header(decode_header(one["Subject"]))) for one in server.mails] == [f"[ALARM] warning: hot at {TOPIC}"]
        assert "90.4 C, above 85" in server.mails[0].as_string() or "90.4" in str(server.mails[0].get_payload(decode=True))
        assert [one["title"] for one in texts] == [f"[ALARM] warning: hot at {TOPIC}"]
    finally:
        database.close()
        gateway.shutdown()
        gateway.server_close()


def test_the_rules_as_a_process_killed_and_started_again_tell_each_alarm_once(tmp_path: Path) -> None:
    texts: list[str] = []

    class Gateway(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            texts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["title"].partition("]")[0][1:])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    gateway = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    path = tmp_path / "rules.toml"
    path.write_text(
        f'[contact.shift]\nnotify = ["json://127.0.0.1:{gateway.server_port}/sms"]\n'
        + HOT[HOT.index("[[rule]]") :]
        + 'whom = ["shift"]\n'
    )
    url = f"sqlite:///{tmp_path / 'floor.db'}"
    database = Database(url)
    database.open()
    store = Store(database)
    alerts = floorsense(tmp_path, "alerts", "alerts", "run", "--database", url, "--rules", str(path))
    seq = iter(range(100))

    def put(value: float, topic: str = TOPIC) -> None:
        store.put_readings([arrival(next(seq), topic=topic, value=value)])
        # Of one moment there is one reading.
        time.sleep(0.005)

    def noted() -> int:
        query = sa.select(sa.func.count()).where(notices.c.sent_at.is_not(None))
        return int(store.read(lambda connection: connection.scalar(query)) or 0)

    try:
        alerts.start("1 rule over")
        put(90.0)
        # Between the gateway's word and the note of it, it would come twice, and docs/alerts.md says so.
        assert until(lambda: texts == ["ALARM"] and noted() == 1, 15)
        alerts.kill()
        # What came while it was dead: the end of that alarm, and another's beginning.
        put(20.0)
        put(90.0, OTHER)
        alerts.start("1 rule over")
        assert until(lambda: len(texts) == 3, 15)
        put(95.0, OTHER)
        put(20.0, OTHER)
        assert until(lambda: len(texts) == 4, 15)
        assert (sorted(texts), alerts.end()) == (["ALARM", "ALARM", "cleared", "cleared"], 0)
        assert [(one.cause, one.state) for one in everything(store)] == [(OTHER, "cleared"), (TOPIC, "cleared")]
    finally:
        alerts.kill()
        database.close()
        gateway.shutdown()
        gateway.server_close()
