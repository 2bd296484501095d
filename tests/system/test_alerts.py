"""Alerts over SQLite and a real PostgreSQL; mail through real SMTP, SMS through an HTTP gateway; hours by a given clock."""

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
from factory_parts import floorsense, until
from factory_readings import arrival, now_ms, state

from floorsense.alerts import Engine, Postman
from floorsense.alerts.alarms import Alarm, acknowledge, listed
from floorsense.alerts.past import Past
from floorsense.alerts.rules import Rules, default_rules, parse_rules, read_rules
from floorsense.alerts.tables import notices
from floorsense.errors import UsageError
from floorsense.storage import Database, Store

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


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    database.open()
    yield Store(database, keep_ms=10**12)
    database.close()


def rules(text: str) -> Rules:
    # Apprise knows no test://, so that nothing here can reach anybody by mistake.
    return parse_rules(text.replace("test://", "json://127.0.0.1:9/"), "rules.toml")


def hot(more: str = "") -> Rules:
    return rules(HOT + more)


def reading(value: float | None, at: int, topic: str = TOPIC, seq: int = 0, **more: Any) -> Any:
    return arrival(seq, topic=topic, value=value, ts_ms=at, arrived=at, **more)


def feed(engine: Engine, values: list[float], start: int = START, step: int = SECOND, topic: str = TOPIC) -> list[Alarm]:
    changed = []
    for place, value in enumerate(values):
        at = start + place * step
        changed += engine.take([reading(value, at, topic, place)], at)
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


# ---- what alerts


def test_T60_85_0_does_not_alert_and_85_1_does(store: Store) -> None:
    engine = Engine(store, default_rules())
    assert feed(engine, [85.0, 85.0]) == []
    (alarm,) = feed(engine, [85.1], START + 5000)
    assert (alarm.rule, alarm.cause, alarm.severity, alarm.state) == ("hot", TOPIC, "critical", "open")
    assert alarm.text == f"{TOPIC}: 85.1 C, above 85"


def test_the_default_holds_at_a_point_of_a_machine_and_not_for_other_quantities(store: Store) -> None:
    engine = Engine(store, default_rules())
    at_point = TOPIC + ".bearing"
    (alarm,) = engine.take([_at_point(90.0, at_point)], START)
    assert alarm.cause == at_point
    assert engine.take([reading(990.0, START, TOPIC.replace("temperature", "pressure"))], START) == []


def _at_point(value: float, topic: str) -> Any:
    from floorsense.ingest.judge import Judge

    told = {"value": value, "unit": "C", "ts": START / 1000, "boot": 1, "seq": 0}
    return Judge().judge_fields(topic, told, b"", START)


def test_T61_chatter_around_the_limit_is_one_alarm(store: Store) -> None:
    engine = Engine(store, hot())
    changed = feed(engine, [84.9, 85.1] * 50 + [82.9])
    assert [one.state for one in changed] == ["open", "cleared"]
    assert len(everything(store)) == 1


def test_a_rule_with_a_duration_waits_for_it_by_the_readings_own_times(store: Store) -> None:
    engine = Engine(store, rules(HOT + 'for = "10s"\nclear_for = "5s"\n'))
    assert feed(engine, [86] * 9 + [80] + [86] * 10) == []
    (opened,) = feed(engine, [86], START + 20 * SECOND)
    assert opened.onset == START + 10 * SECOND
    assert feed(engine, [80] * 4 + [84] + [80] * 5, START + 21 * SECOND) == []
    (cleared,) = feed(engine, [80], START + 31 * SECOND)
    assert (cleared.state, cleared.ended) == ("cleared", START + 26 * SECOND)


def test_after_it_cleared_the_next_is_another_alarm_even_within_one_batch(store: Store) -> None:
    engine = Engine(store, hot())
    batch = [reading(value, START + place * SECOND, seq=place) for place, value in enumerate([86, 80, 80, 86, 80, 86])]
    assert [one.state for one in engine.take(batch, START)] == ["open", "cleared", "open", "cleared", "open"]
    assert [one.state for one in everything(store)] == ["open", "cleared", "cleared"]


def test_a_rate_of_change_alerts(store: Store) -> None:
    engine = Engine(store, rules('[[rule]]\nname = "fast"\ntopic = "#"\nrises = 5\nwithin = "10s"\n'))
    assert feed(engine, [20 + 0.4 * n for n in range(30)]) == []
    (alarm,) = feed(engine, [38], START + 30 * SECOND)
    assert alarm.text.endswith("38 C, rises by more than 5 within 10 s")


def test_a_zone_of_iso_20816_alerts_from_its_lower_end(store: Store) -> None:
    topic = TOPIC.replace("temperature", "vibration")
    engine = Engine(store, rules('[[rule]]\nname = "shakes"\ntopic = "#"\nzone = "C"\ngroup = 2\nsupport = "rigid"\n'))
    assert feed(engine, [2.8], topic=topic) == []
    (alarm,) = feed(engine, [2.801], START + SECOND, topic=topic)
    assert alarm.text == f"{topic}: 2.801 mm/s, in ISO 20816-3 zone C or worse"


def test_a_board_that_falls_silent_alerts_once_and_one_that_said_goodbye_does_not(store: Store) -> None:
    engine = Engine(store, rules('[[rule]]\nname = "silent"\ntopic = "factory/#"\nsilent = "2m"\n'))
    other = "factory/floor-2/machine-43"
    feed(engine, [20])
    engine.take([reading(20, START, f"{other}/temperature"), state(other, START, status="stopped", boot=1)], START)
    assert engine.step(START + 2 * MINUTE) == []
    (alarm,) = engine.step(START + 2 * MINUTE + 1)
    assert (alarm.cause, alarm.machine) == ("factory/floor-2/machine-42",) * 2
    assert engine.step(START + HOUR) == []
    (back,) = feed(engine, [20], START + HOUR)
    assert back.state == "cleared"


def test_a_sensor_that_fails_alerts_and_clears_no_other_alarm(store: Store) -> None:
    engine = Engine(store, hot('[[rule]]\nname = "broken"\ntopic = "#"\nfault = true\n'))
    feed(engine, [90])
    fault = {"quality": ["sensor-fault"], "reason": "no answer at 0x76"}
    (alarm,) = engine.take([reading(None, START + SECOND, seq=1, **fault)], START + SECOND)
    assert alarm.text == f"{TOPIC}: no value (no answer at 0x76), a sensor fault"
    assert [one.state for one in everything(store)] == ["open", "open"]


def test_what_waited_out_an_outage_says_nothing_of_now(store: Store) -> None:
    engine = Engine(store, hot())
    feed(engine, [90, 80])
    assert feed(engine, [90, 91], START - HOUR) == []


# ---- one alarm a cause


def test_T62_the_same_event_from_two_processes_is_one_alarm(store: Store) -> None:
    one, two = Engine(store, hot('whom = ["shift"]\n')), Engine(store, hot('whom = ["shift"]\n'))
    values = [86, 87, 80, 80, 88, 80]
    first = feed(one, values)
    second = feed(two, values)
    assert ([one.state for one in first], second) == (["open", "cleared", "open", "cleared"], [])
    box = Box()
    for postman in (Postman(store, one.rules, box), Postman(store, two.rules, box)):
        run(postman, START, START + 5 * MINUTE)
    assert len(everything(store)) == 2
    assert box.titles() == ["shift ALARM", "shift cleared", "shift ALARM", "shift cleared"]


def test_two_processes_at_the_same_moment_make_one_alarm(store: Store) -> None:
    engines = [Engine(store, hot()) for _ in range(4)]
    gate = threading.Barrier(4)
    opened: list[Alarm] = []

    def work(engine: Engine) -> None:
        gate.wait(10)
        opened.extend(feed(engine, [86]))

    threads = [threading.Thread(target=work, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(opened), len(everything(store))) == (1, 1)


def test_an_engine_that_was_killed_clears_what_it_had_opened_and_opens_nothing_twice(store: Store) -> None:
    now = now_ms()
    store.put_readings([arrival(seq, value=value, ts_ms=now - 5000 + seq) for seq, value in enumerate([80, 86, 87])])
    first = Engine(store, hot())
    assert len(first.take(Past(store, first.rules.rules).read(now), now)) == 1
    again = Engine(store, hot())
    past = Past(store, again.rules.rules)
    assert again.take(past.read(now), now) == []
    store.put_readings([arrival(3, value=80, ts_ms=now)])
    assert [one.state for one in again.take(past.read(now), now)] == ["cleared"]
    assert past.read(now) == []


# ---- who is told, and when


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
        alerts.start("1 rules over")
        put(90.0)
        # Between the gateway's word and the note of it, it would come twice, and docs/alerts.md says so.
        assert until(lambda: texts == ["ALARM"] and noted() == 1, 15)
        alerts.kill()
        # What came while it was dead: the end of that alarm, and another's beginning.
        put(20.0)
        put(90.0, OTHER)
        alerts.start("1 rules over")
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


# ---- the rules' file


def test_all_that_is_wrong_with_the_rules_is_said_at_once() -> None:
    with pytest.raises(UsageError) as caught:
        parse_rules(
            '[contact.Shift]\nnotify = ["nosuch://x"]\nquiet = "late"\n'
            '[[rule]]\nname = "a"\ntopic = "x/#/y"\nabove = "hot"\nwhom = ["nobody"]\nfor = "soon"\nlimit = 3\n'
            '[[rule]]\ntopic = "#"\nabove = 1\nbelow = 2\n',
            "rules.toml",
        )
    text = str(caught.value)
    for part in (
        "contact.Shift: a name",
        "address 1 is none",
        "quiet: 'late'",
        "topic: '#' stands alone",
        "above: write a number",
        "there is no [contact.nobody]",
        "for: 'soon'",
        "limit: unknown",
        "rule 2: name:",
        "one condition is needed",
    ):
        assert part in text, part
    assert "\n" not in text


def test_a_password_in_rules_that_others_can_read_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[contact.shift]\nnotify = ["mailto://u:geheim@127.0.0.1?to=a@b.example&from=c@d.example"]\n')
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600") as caught:
        read_rules(path)
    assert "geheim" not in str(caught.value)
    path.chmod(0o600)
    assert "geheim" not in repr(read_rules(path))
