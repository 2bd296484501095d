"""The engine: readings in, alarms in the database. It reads no clock; what it forgets in a restart it reads again."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from floornode.contract.status import STOPPED
from floornode.contract.topics import STATUS
from floorsense.alerts import outbound
from floorsense.alerts.alarms import Alarm, clear_alarm, open_alarm, still_open
from floorsense.alerts.conditions import Silence, Watch
from floorsense.alerts.rules import Rule, Rules
from floorsense.storage import Arrival, State, Store
from floorsense.topic_filter import matches

# Causes that are watched; whoever makes up machines does not fill our memory with them.
MOST_CAUSES = 200_000
# An alarm's number before it is written.
FRESH = -1


@dataclass(frozen=True)
class _Turn:
    """What is to be written: an opening with its text, or a clearing without, of ``number`` (FRESH: of the one before)."""

    rule: Rule
    cause: str
    watch: Watch
    ts: int
    text: str
    number: int


class Engine:
    """``take`` what came, then ``step``. Several engines over one database make one alarm of one cause."""

    def __init__(self, store: Store, rules: Rules) -> None:
        self.rules = rules
        self.counts = {"opened": 0, "cleared": 0, "unwatched": 0}
        self._store = store
        self._watches: dict[tuple[str, str], Watch] = {}
        self._by_topic: dict[str, list[Rule]] = {}
        self._silences = [rule for rule in rules.rules if isinstance(rule.condition, Silence)]
        # machine: when it was last heard (Unix ms of arrival), None once it said that it stops.
        self._heard: dict[str, int | None] = {}
        self._due: list[_Turn] = []
        self._resume()

    def take(self, items: Iterable[Any], now: int) -> list[Alarm]:
        """Look at readings and states, the oldest first of each topic. Returns the alarms that changed, as they stand.

        Raises DatabaseError; what it was about to write then comes with the next call.
        """
        for item in items:
            if isinstance(item, Arrival):
                self._look(item)
                self._hear(item.topic.rpartition("/")[0], item.arrived)
            elif isinstance(item, State):
                said = item.fields.get("status") if item.leaf == STATUS else None
                if said == STOPPED:
                    self._heard[item.machine] = None
                elif said != "lost":
                    self._hear(item.machine, item.arrived)
        self._listen(now)
        return self._write(now)

    def step(self, now: int) -> list[Alarm]:
        """What the passing of time brings: silence."""
        return self.take((), now)

    def _resume(self) -> None:
        """Alarms that are open go on, so that they can be cleared."""
        for one in self._store.read(still_open):
            rule = self.rules.rule(one.rule)
            if rule is not None:
                watch = self._watch(rule, one.cause)
                if watch is not None:
                    # What is read again of the time before it began does not end it.
                    watch.alarm, watch.broken_since, watch.newest = one.id, one.onset, min(one.onset, one.opened_at)

    def _watch(self, rule: Rule, cause: str) -> Watch | None:
        key = (rule.name, cause)
        found = self._watches.get(key)
        if found is None:
            if len(self._watches) >= MOST_CAUSES:
                self.counts["unwatched"] += 1
                return None
            found = self._watches[key] = Watch(rule.condition.remember())
        return found

    def _rules_for(self, arrival: Arrival) -> list[Rule]:
        found = self._by_topic.get(arrival.topic)
        if found is None:
            kind = arrival.reading.quantity
            found = [
                rule
                for rule in self.rules.rules
                if not isinstance(rule.condition, Silence)
                and matches(rule.topic, arrival.topic)
                and rule.quantity in (None, kind.name, kind.base)
            ]
            if len(self._by_topic) < MOST_CAUSES:
                self._by_topic[arrival.topic] = found
        return found

    def _look(self, arrival: Arrival) -> None:
        for rule in self._rules_for(arrival):
            watch = self._watch(rule, arrival.topic)
            ts = arrival.ts
            if watch is None or not watch.admit(ts, arrival.identity):
                continue
            watch.turn(rule.condition.look(arrival, watch.memory), ts)
            if watch.alarm is None and watch.broken_since is not None and ts - watch.broken_since >= rule.for_ms:
                self._open(rule, arrival.topic, watch, watch.broken_since, _words(arrival, rule))
            elif watch.alarm is not None and watch.well_since is not None and ts - watch.well_since >= rule.clear_for_ms:
                self._clear(rule, arrival.topic, watch, watch.well_since)

    def _hear(self, machine: str, arrived: int) -> None:
        known = self._heard.get(machine)
        if known is not None or len(self._heard) < MOST_CAUSES:
            self._heard[machine] = max(known or 0, arrived)

    def _listen(self, now: int) -> None:
        for rule in self._silences:
            assert isinstance(rule.condition, Silence)
            for machine, heard in self._heard.items():
                key = (rule.name, machine)
                watch = self._watches.get(key)
                is_silent = heard is not None and now - heard > rule.condition.for_ms
                if is_silent and (watch is None or watch.alarm is None) and matches(rule.topic, machine):
                    watch = self._watch(rule, machine)
                    if watch is not None and heard is not None:
                        self._open(rule, machine, watch, heard, f"{machine} is {rule.words()}")
                elif not is_silent and watch is not None and watch.alarm is not None:
                    self._clear(rule, machine, watch, now if heard is None else heard)

    def _open(self, rule: Rule, cause: str, watch: Watch, onset: int, text: str) -> None:
        self._due.append(_Turn(rule, cause, watch, onset, text, FRESH))
        watch.alarm = FRESH

    def _clear(self, rule: Rule, cause: str, watch: Watch, ended: int) -> None:
        self._due.append(_Turn(rule, cause, watch, ended, "", FRESH if watch.alarm is None else watch.alarm))
        watch.alarm = watch.broken_since = watch.well_since = None

    def _write(self, now: int) -> list[Alarm]:
        """What is due, in one transaction with the notices it makes."""
        if not self._due:
            return []
        due = self._due
        numbers: dict[int, int] = {}

        def write(connection: Connection) -> list[tuple[Alarm, bool]]:
            changed = []
            for turn in due:
                if turn.text:
                    severity = turn.rule.severity
                    one, is_new = open_alarm(connection, turn.rule.name, turn.cause, severity, turn.text, turn.ts, now)
                    if is_new:
                        outbound.tell(connection, self.rules, turn.rule, one, now)
                        changed.append((one, True))
                    numbers[id(turn.watch)] = one.id
                else:
                    number = numbers[id(turn.watch)] if turn.number == FRESH else turn.number
                    gone = clear_alarm(connection, number, turn.ts, now)
                    if gone is not None:
                        outbound.tell_cleared(connection, gone, now)
                        changed.append((gone, False))
            return changed

        changed = self._store.write(write)
        self._due = []
        for turn in due:
            if turn.watch.alarm == FRESH:
                turn.watch.alarm = numbers[id(turn.watch)]
        for _, is_new in changed:
            self.counts["opened" if is_new else "cleared"] += 1
        return [one for one, _ in changed]


def _words(arrival: Arrival, rule: Rule) -> str:
    value, kind = arrival.value, arrival.reading.quantity
    said = "no value" if value is None else f"{value:g} {kind.unit}".strip()
    reason = f" ({arrival.reading.reason[:100]})" if arrival.reading.reason else ""
    return f"{arrival.topic}: {said}{reason}, {rule.words()}"
