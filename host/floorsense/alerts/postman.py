"""The postman: takes notices from the queue and sends them by Apprise, as mail or to an SMS gateway; what fails comes again."""

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial

import apprise

from floorsense.alerts import outbound
from floorsense.alerts.outbound import END, ESCALATION, OPENED, REMINDER, Notice
from floorsense.alerts.rules import CRITICAL, Contact, Rules
from floorsense.storage import Store

_LOG = logging.getLogger(__name__)
FIRST_PAUSE_MS = 5_000
LONGEST_PAUSE_MS = 300_000
# A notice that nobody took for three days is of no use, and is counted.
GIVE_UP_MS = 3 * 86_400_000
_STRAYS_MS = 60_000
# Every alarm that waits is looked at: seldom enough to cost nothing, often enough for a reminder of a minute.
_REMIND_MS = 5_000
_WORDS = {OPENED: "ALARM", REMINDER: "STILL OPEN", ESCALATION: "NOT ACKNOWLEDGED", END: "cleared"}
_LINES = 50

Send = Callable[[str, str, str], bool]
"""(address, title, body): whether it was taken."""


def send_by_apprise(url: str, title: str, body: str) -> bool:
    """Apprise has limits of its own on each wait: 4 s to connect, 4 s to be answered."""
    room = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
    return bool(room.add(url)) and bool(room.notify(body, title, body_format=apprise.NotifyFormat.TEXT))


class Postman:
    """``step`` sends what is due. Each notice is sent once; again only where a process died between sending and noting it."""

    def __init__(self, store: Store, rules: Rules, send: Send = send_by_apprise) -> None:
        self.counts = {"messages": 0, "failures": 0, "given_up": 0}
        # What waits for contacts that the rules do not know any more, by channel.
        self.strays: dict[str, int] = {}
        self.rules = rules
        self._reminded_at = 0
        self._strays_at = 0
        self._store = store
        self._send = send
        logging.getLogger("apprise").setLevel(logging.CRITICAL)

    def step(self, now: int) -> int:
        """Returns how many messages went out. Raises DatabaseError."""
        if now - self._reminded_at >= _REMIND_MS:
            self._reminded_at = now
            self._store.write(lambda connection: outbound.remind(connection, self.rules, now))
        if now - self._strays_at >= _STRAYS_MS:
            self._strays_at = now
            self._look_for_strays(now)
        sent = 0
        for contact in self.rules.contacts.values():
            for channel, url in zip(contact.channels(), contact.urls, strict=True):
                sent += self._serve(contact, channel, url, now)
        return sent

    def _look_for_strays(self, now: int) -> None:
        """They are told, not dropped at once: a contact may come back, or another process's rules still have it."""
        known = [channel for contact in self.rules.contacts.values() for channel in contact.channels()]
        found = self._store.write(lambda connection: outbound.strays(connection, known, now - GIVE_UP_MS))
        for channel in found.keys() - self.strays.keys():
            _LOG.warning("%s is not in the rules; what waits for it (%d) is given up after three days", channel, found[channel])
        self.strays = found

    def _serve(self, contact: Contact, channel: str, url: str, now: int) -> int:
        messages = self._store.write(lambda connection: outbound.take(connection, contact, channel, now))
        for place, message in enumerate(messages):
            if not self._try(url, message):
                self._put_back(channel, messages[place:], now)
                return place
            self._store.write(partial(outbound.was_sent, message=message, now=now))
            self.counts["messages"] += 1
        return len(messages)

    def _try(self, url: str, message: Sequence[Notice]) -> bool:
        try:
            return self._send(url, title_of(message), body_of(message))
        except Exception as error:
            # A plug-in of Apprise's that breaks is a message that was not taken; what it says may hold a password.
            _LOG.warning("the notice could not be sent: %s", type(error).__name__)
            return False

    def _put_back(self, channel: str, messages: Sequence[Sequence[Notice]], now: int) -> None:
        """The first was tried; to those behind it, at the same address, the same would happen."""
        first = messages[0]
        tries = max(one.tries for one in first)
        pause = min(FIRST_PAUSE_MS << min(tries, 16), LONGEST_PAUSE_MS)
        _LOG.warning("%s cannot be reached (try %d); again in %d s", channel, tries + 1, pause // 1000)
        self.counts["failures"] += 1
        for message in messages:
            give_up = all(
                now - (one.alarm.opened_at if one.kind != END else one.alarm.changed_at) > GIVE_UP_MS for one in message
            )
            if give_up:
                self.counts["given_up"] += len(message)
                _LOG.error("%s: %d notices given up after three days", channel, len(message))
            again = now + pause
            self._store.write(partial(outbound.failed, message=message, next_at=again, give_up=give_up))


def title_of(message: Sequence[Notice]) -> str:
    first = message[0]
    if len(message) == 1:
        return f"[{_WORDS[first.kind]}] {first.alarm.severity}: {first.alarm.rule} at {first.alarm.cause}"
    worst = sum(one.alarm.severity == CRITICAL and one.kind != END for one in message)
    return f"[{len(message)} alarms]" + (f" {worst} critical" if worst else "")


def body_of(message: Sequence[Notice]) -> str:
    """A line or more of each, the worst first; what is beyond fifty is counted."""
    ranked = sorted(message, key=lambda one: (one.kind == END, one.alarm.severity != CRITICAL))
    lines = []
    for one in ranked[:_LINES]:
        state = f"{_WORDS[one.kind]} #{one.alarm.id} ({one.alarm.severity}), since {_time(one.alarm.onset)}"
        if one.alarm.cleared_at is not None and one.kind != END:
            state += f", cleared {_time(one.alarm.cleared_at)}"
        elif one.kind == END:
            state += f", until {_time(one.alarm.ended or one.alarm.changed_at)}"
        lines += [state, f"  {one.alarm.text}"]
    if len(ranked) > _LINES:
        lines.append(f"and {len(ranked) - _LINES} more")
    lines += [
        "",
        "Acknowledge: floorsense alerts ack " + " ".join(str(n) for n in sorted({one.alarm.id for one in message})[:20]),
    ]
    return "\n".join(lines)


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
