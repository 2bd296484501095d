"""What alerts, over SQLite and a real PostgreSQL: conditions, one alarm a cause, and the rules' file."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_parts import HOT, HOUR, MINUTE, SECOND, START, TOPIC, Box, everything, feed, hot, reading, rules, run
from factory_readings import arrival, now_ms, state

from floorsense.alerts import Engine, Postman
from floorsense.alerts.alarms import Alarm
from floorsense.alerts.past import Past
from floorsense.alerts.rules import default_rules, parse_rules, read_rules
from floorsense.errors import UsageError
from floorsense.storage import Arrival, Database, Store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    database = Database(database_url)
    database.open()
    yield Store(database, keep_ms=10**12)
    database.close()


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
    batch = [reading(value, START + place * SECOND) for place, value in enumerate([86, 80, 80, 86, 80, 86])]
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
    (alarm,) = engine.take([reading(None, START + SECOND, **fault)], START + SECOND)
    assert alarm.text == f"{TOPIC}: no value (no answer at 0x76), a sensor fault"
    assert [one.state for one in everything(store)] == ["open", "open"]


def test_what_waited_out_an_outage_says_nothing_of_now(store: Store) -> None:
    engine = Engine(store, hot())
    feed(engine, [90, 80])
    assert feed(engine, [90, 91], START - HOUR) == []


def test_a_clock_that_was_hours_ahead_and_is_put_right_does_not_switch_the_rules_off(store: Store) -> None:
    now = now_ms()
    ahead = [arrival(seq, value=20.0, ts_ms=now + 20 * HOUR + seq * SECOND) for seq in range(3)]
    right = [arrival(seq, value=value, ts_ms=now + seq * SECOND) for seq, value in enumerate([20, 20, 90, 91, 80], 3)]
    engine = Engine(store, hot('for = "1s"\n'))
    assert [one.state for batch in (ahead, right) for one in engine.take(batch, now)] == ["open", "cleared"]
    # A process of its own finds the same in the database.
    past = Past(store, hot().rules)
    for batch in (ahead, right):
        store.put_readings(batch)
        assert [one.ts for one in past.read(now) if isinstance(one, Arrival)] == [one.ts for one in batch]
    # What waited out an outage is of the past as before.
    late = arrival(0, boot=0, value=95.0, ts_ms=now - HOUR // 2)
    store.put_readings([late])
    assert past.read(now) == [] and engine.take([late], now) == []


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
