"""The rules, in TOML: what breaks one, how bad it is, and who is told how. Read whole: all that is wrong is said at once."""

import os
import re
import stat
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import apprise

from floornode.contract.zones import FLEXIBLE, RIGID
from floorsense.alerts.conditions import Condition, Fault, Limit, Rate, Silence, Zone
from floorsense.alerts.spans import QuietHours, span_ms
from floorsense.errors import UsageError
from floorsense.topic_filter import fault_of_filter

INFO, WARNING, CRITICAL = "info", "warning", "critical"
SEVERITIES = (INFO, WARNING, CRITICAL)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,47}")
_CONDITIONS = ("above", "below", "rises", "falls", "silent", "zone", "fault")
_MOST_BYTES = 1_000_000
_MINUTE_MS = 60_000

DEFAULT = """\
[[rule]]
name = "hot"
topic = "+/+/+/+"
quantity = "temperature"
above = 85
clear = 83
severity = "critical"
"""


@dataclass(frozen=True)
class Contact:
    """Somebody who is told. ``urls``: Apprise's addresses. ``most_per_hour``: what a person can read (EEMUA 191)."""

    name: str
    urls: tuple[str, ...]
    quiet: QuietHours | None = None
    most_per_hour: int = 6

    def __repr__(self) -> str:
        # Addresses carry passwords.
        return f"Contact({self.name!r}, {len(self.urls)} addresses)"

    def channels(self) -> list[str]:
        return [f"{self.name}/{place}" for place in range(len(self.urls))]


@dataclass(frozen=True)
class Escalation:
    after_ms: int
    whom: tuple[str, ...]


@dataclass(frozen=True)
class Rule:
    """``for_ms``: how long it must be broken, by the readings' own times; ``clear_for_ms``: how long well."""

    name: str
    topic: str
    condition: Condition
    severity: str = WARNING
    for_ms: int = 0
    clear_for_ms: int = 0
    quantity: str | None = None
    whom: tuple[str, ...] = ()
    remind_ms: int | None = None
    escalations: tuple[Escalation, ...] = ()

    def words(self) -> str:
        return self.condition.words()


@dataclass(frozen=True)
class Rules:
    rules: tuple[Rule, ...]
    contacts: dict[str, Contact]

    def rule(self, name: str) -> Rule | None:
        return next((one for one in self.rules if one.name == name), None)


def default_rules() -> Rules:
    """A temperature above 85 C alerts; nobody is told but those who look."""
    return parse_rules(DEFAULT, "the default rules")


def read_rules(path: Path) -> Rules:
    """Raises UsageError with all that is wrong. A file with passwords must be its owner's alone."""
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: the rules cannot be read: {error.strerror}") from error
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: more than {_MOST_BYTES} bytes of rules")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: rules are UTF-8 text: {error.reason} at byte {error.start}") from error
    return parse_rules(text, str(path), is_private=os.name != "posix" or not stat.S_IMODE(mode) & 0o077)


def parse_rules(text: str, source: str, is_private: bool = True) -> Rules:
    """Raises UsageError with all that is wrong."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{source}: no TOML: {error}") from error
    faults: list[str] = []
    for key in document.keys() - {"rule", "contact"}:
        faults.append(f"{key}: unknown; there are [contact.NAME] and [[rule]]")
    contacts: dict[str, Contact] = {}
    found = document.get("contact", {})
    for name, fields in found.items() if isinstance(found, dict) else []:
        entry = _Entry(f"contact.{name}", fields, faults)
        contact = _contact(name, entry, is_private)
        entry.end()
        contacts[name] = contact
    rules: list[Rule] = []
    listed = document.get("rule", [])
    if not isinstance(listed, list):
        faults.append("rule: write [[rule]], with two brackets")
        listed = []
    for place, fields in enumerate(listed):
        name = fields.get("name") if isinstance(fields, dict) else None
        entry = _Entry(f"rule {name!r}" if isinstance(name, str) else f"rule {place + 1}", fields, faults)
        rule = _rule(entry, contacts)
        entry.end()
        if rule is not None:
            if any(one.name == rule.name for one in rules):
                faults.append(f"rule {rule.name!r}: there are two of this name")
            rules.append(rule)
    if faults:
        raise UsageError(f"{source}: " + "; ".join(faults))
    return Rules(tuple(rules), contacts)


class _Entry:
    """One table of the file; what it lacks, has too much of, or has wrong goes into ``faults`` with its place."""

    def __init__(self, where: str, fields: Any, faults: list[str]) -> None:
        self.where = where
        self.faults = faults
        self.fields = dict(fields) if isinstance(fields, dict) else {}
        if not isinstance(fields, dict):
            self.wrong("write a table")

    def wrong(self, what: str) -> None:
        self.faults.append(f"{self.where}: {what}")

    def text(self, key: str, default: str | None = None) -> str | None:
        value = self.fields.pop(key, default)
        if value is not None and not isinstance(value, str):
            self.wrong(f"{key}: write text in quotes")
            return default
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.fields.pop(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.wrong(f'{key}: write a list of texts: ["..."]')
            return ()
        return tuple(value)

    def number(self, key: str, default: float | None = None) -> float | None:
        value = self.fields.pop(key, default)
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e9 < value < 1e9):
            self.wrong(f"{key}: write a number")
            return default
        return None if value is None else float(value)

    def span(self, key: str, default: int | None = None) -> int | None:
        value = self.text(key)
        if value is None:
            return default
        try:
            return span_ms(value)
        except ValueError as error:
            self.wrong(f"{key}: {error}")
            return default

    def end(self) -> None:
        for key in self.fields:
            self.wrong(f"{key}: unknown")


def _contact(name: str, entry: _Entry, is_private: bool) -> Contact:
    if not _NAME.fullmatch(name):
        entry.wrong("a name has lower-case letters, digits, - and _, at most 48")
    urls = list(entry.texts("notify"))
    if not is_private and any(_has_password(url) for url in urls):
        entry.wrong("notify: others can read the password in it; chmod 600 the file, or use notify_env")
    if variable := entry.text("notify_env"):
        said = os.environ.get(variable, "").split()
        if not said:
            entry.wrong(f"notify_env: {variable} is not set")
        urls += said
    for place, url in enumerate(urls):
        # Which it is, and not what it says: it may hold a password.
        if apprise.Apprise.instantiate(url) is None:
            entry.wrong(f"notify: address {place + 1} is none that Apprise knows; mailto://, json:// and others are")
    if not urls:
        entry.wrong('notify: missing; write ["mailto://..."]')
    quiet = None
    hours, zone = entry.text("quiet"), entry.text("time_zone", "UTC")
    if hours is not None:
        try:
            quiet = QuietHours.parse(hours, zone or "UTC")
        except ValueError as error:
            entry.wrong(f"quiet: {error}")
    most = entry.number("most_per_hour", 6) or 0
    if not 1 <= most <= 3600 or most != int(most):
        entry.wrong("most_per_hour: a whole number from 1 to 3600")
    return Contact(name, tuple(urls), quiet, int(most))


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # A mail to a relay that asks for nothing is no secret; a token in the path of any other service is.
        return parts.password is not None or parts.scheme not in ("mailto", "mailtos", "json", "jsons", "form", "forms")
    except ValueError:
        return True


def _rule(entry: _Entry, contacts: dict[str, Contact]) -> Rule | None:
    name = entry.text("name") or ""
    if not _NAME.fullmatch(name):
        entry.wrong("name: lower-case letters, digits, - and _, at most 48")
    topic = entry.text("topic") or ""
    if fault := fault_of_filter(topic):
        entry.wrong(f"topic: {fault}")
    condition = _condition(entry)
    severity = entry.text("severity", WARNING) or WARNING
    if severity not in SEVERITIES:
        entry.wrong(f"severity: one of {', '.join(SEVERITIES)}")
    whom = _whom(entry, "whom", entry.texts("whom"), contacts)
    steps = []
    escalations = entry.fields.pop("escalate", [])
    if not isinstance(escalations, list):
        entry.wrong('escalate: write [{after = "15m", whom = ["..."]}]')
        escalations = []
    for fields in escalations:
        inner = _Entry(f"{entry.where}: escalate", fields, entry.faults)
        after = inner.span("after")
        if after is None:
            inner.wrong("after: missing")
        steps.append(Escalation(after or 0, _whom(inner, "whom", inner.texts("whom"), contacts)))
        inner.end()
    remind = entry.span("remind")
    if remind is not None and remind < _MINUTE_MS:
        entry.wrong("remind: a minute at least")
    quantity = entry.text("quantity")
    for_ms, clear_for_ms = entry.span("for", 0) or 0, entry.span("clear_for", 0) or 0
    if condition is None:
        return None
    return Rule(name, topic, condition, severity, for_ms, clear_for_ms, quantity, whom, remind, tuple(steps))


def _whom(entry: _Entry, key: str, names: Sequence[str], contacts: dict[str, Contact]) -> tuple[str, ...]:
    for name in names:
        if name not in contacts:
            entry.wrong(f"{key}: there is no [contact.{name}]")
    return tuple(names)


def _condition(entry: _Entry) -> Condition | None:
    given = [key for key in _CONDITIONS if key in entry.fields]
    if len(given) != 1:
        entry.wrong(f"one condition is needed, of {', '.join(_CONDITIONS)}; there are {len(given)}")
        for key in given:
            entry.fields.pop(key)
        return None
    (kind,) = given
    if kind in ("above", "below"):
        limit = entry.number(kind)
        clear = entry.number("clear", limit)
        if limit is None or clear is None:
            return None
        if (clear > limit) if kind == "above" else (clear < limit):
            entry.wrong(f"clear: {clear:g} lies beyond the limit {limit:g}")
        return Limit(limit, clear, kind == "above")
    if kind in ("rises", "falls"):
        change, within = entry.number(kind), entry.span("within", _MINUTE_MS)
        if change is None or change <= 0 or not within:
            entry.wrong(f"{kind}: a number above 0, and within a span of time")
            return None
        return Rate(change if kind == "rises" else -change, within)
    if kind == "silent":
        span = entry.span("silent")
        if not span:
            return None
        return Silence(span)
    if kind == "zone":
        worst, support = entry.text("zone"), entry.text("support", RIGID) or RIGID
        group = entry.number("group", 2)
        if worst not in ("B", "C", "D") or group not in (1, 2) or support not in (RIGID, FLEXIBLE):
            entry.wrong('zone: "B", "C" or "D", with group 1 or 2 and support "rigid" or "flexible"')
            return None
        return Zone(worst, int(group), support)
    if entry.fields.pop("fault") is not True:
        entry.wrong("fault: write true")
    return Fault()
