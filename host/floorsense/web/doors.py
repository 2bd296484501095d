"""Who may do what. One dependency in one place: every route that is not open says ``require(VIEWER)`` or ``require(OPERATOR)``.

On loopback whoever is on the machine is an operator; but a page of somebody else's, open in a browser there, is nobody:
the ``Host`` must be this machine's (else a name of the page's could be made to lead here), and what changes something, and
a WebSocket, must come from our own page or from no page. Beyond loopback a login is needed: a cookie, or a name and
password with each request.
"""

import base64
import binascii
import ipaddress
import time
from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from floorsense.web.accounts import OPERATOR, VIEWER, Accounts, Person
from floorsense.web.failures import Failure

__all__ = ["COOKIE", "OPERATOR", "VIEWER", "Doors", "Tries", "require"]

COOKIE = "floorsense"
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOCAL = Person("local", OPERATOR)
_REMEMBER_S = 60.0
_MOST_REMEMBERED = 1000


class Tries:
    """At most ``most`` tries in ``span_s`` by one key; the memory of keys is bounded, the oldest are forgotten."""

    def __init__(self, most: int, span_s: float, keys: int = 10_000) -> None:
        self._most = most
        self._span_s = span_s
        self._keys = keys
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._lock = Lock()

    def take(self, key: str, now: float) -> bool:
        """Whether this one is still within."""
        with self._lock:
            since, count = self._seen.pop(key, (now, 0))
            if now - since >= self._span_s:
                since, count = now, 0
            self._seen[key] = (since, count + 1)
            if len(self._seen) > self._keys:
                self._seen.popitem(last=False)
            return count < self._most


class Doors:
    """``accounts`` None: everybody who reaches the app is on this machine."""

    def __init__(self, accounts: Accounts | None = None) -> None:
        self.accounts = accounts
        # Five by one address. By a name six times as many, from wherever: nobody locks somebody else out by themselves.
        self.tries = Tries(5, 60.0)
        self.named_tries = Tries(30, 60.0)
        self._requests = Tries(3000, 60.0)
        # Who gave an operator's password within the last minute: an ingester posts each batch as it comes.
        self._batches = Tries(60_000, 60.0)
        self._is_bound = False
        self._known: OrderedDict[str, tuple[float, Person]] = OrderedDict()

    def bind_to_loopback(self) -> None:
        """From now on a request must name this machine, by its loopback address or as localhost."""
        self._is_bound = True

    async def admit(self, connection: HTTPConnection, role: str) -> Person:
        """Raises Failure: 401 for nobody, 403 for whoever may not or for another's page, 429 for too much."""
        self.refuse_strangers(connection)
        if self.accounts is None:
            return _LOCAL
        known = self._known_operator(connection)
        tries, most = (self._batches, 60_000) if known else (self._requests, 3000)
        if not tries.take(known or address_of(connection), time.monotonic()):
            raise Failure(429, "too-many", f"more than {most} requests in a minute")
        person = await self._whose(connection)
        if person is None:
            raise Failure(401, "login-required", "log in first: /login in a browser, or a name and password (HTTP Basic)")
        if not person.may(role):
            raise Failure(403, "forbidden", f"this needs the role {role}; {person.name} is a {person.role}")
        return person

    def refuse_strangers(self, connection: HTTPConnection) -> None:
        """Raises Failure for a page of somebody else's."""
        host = connection.headers.get("host", "")
        if self.accounts is None and self._is_bound and not _is_loopback(host):
            raise Failure(403, "forbidden", "this address serves its own machine alone")
        is_safe = connection.scope["type"] == "http" and connection.scope["method"] in _SAFE
        origin = connection.headers.get("origin")
        if not is_safe and origin is not None and _netloc(origin) != host.lower():
            raise Failure(403, "forbidden", "a page from elsewhere may not do this")

    async def _whose(self, connection: HTTPConnection) -> Person | None:
        assert self.accounts is not None
        scheme, _, rest = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return await self._by_password(connection, rest)
        token = connection.cookies.get(COOKIE)
        if not token:
            return None
        changes = connection.scope["type"] == "http" and connection.scope["method"] not in _SAFE
        if changes and "x-floorsense" not in connection.headers:
            # A form of another site's can send our cookie, where a browser lets it, but no header of its own.
            raise Failure(403, "forbidden", "with a cookie, the header X-Floorsense is needed to change something")
        return await run_in_threadpool(self.accounts.whose, token)

    def _known_operator(self, connection: HTTPConnection) -> str | None:
        """Their name, where it costs no more than a look to know it."""
        scheme, _, rest = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        since, person = self._known.get(_digest(rest), (0.0, None))
        return person.name if person and person.may(OPERATOR) and time.monotonic() - since < _REMEMBER_S else None

    async def _by_password(self, connection: HTTPConnection, text: str) -> Person | None:
        """Known for a minute: a hash that is slow to guess is slow to check."""
        assert self.accounts is not None
        now = time.monotonic()
        key = _digest(text)
        known = self._known.get(key)
        if known is not None and now - known[0] < _REMEMBER_S:
            return known[1]
        try:
            name, _, password = base64.b64decode(text, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        person = await self.by_name(connection, name, password)
        if person is not None:
            self._known[key] = (now, person)
            if len(self._known) > _MOST_REMEMBERED:
                self._known.popitem(last=False)
        return person

    async def by_name(self, connection: HTTPConnection, name: str, password: str) -> Person | None:
        """Raises Failure where an address, or somebody's name, was tried too often."""
        assert self.accounts is not None
        now = time.monotonic()
        if not self.tries.take(address_of(connection), now) or not self.named_tries.take(name[:64], now):
            raise Failure(429, "too-many", "too many tries; wait a minute")
        return await run_in_threadpool(self.accounts.check, name[:64], password[:1024])


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()


def address_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def require(role: str) -> Any:
    """A dependency that lets pass whoever has ``role``, and gives their name."""

    async def check(connection: HTTPConnection) -> str:
        doors: Doors = connection.app.state.doors
        return (await doors.admit(connection, role)).name

    check.__name__ = f"require_{role}"
    return Depends(check)


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        # As of an IPv6 address that never ends.
        return None


def _is_loopback(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
