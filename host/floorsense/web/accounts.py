"""People who may look or act: names, roles and argon2 hashes in the database, and the logins that last for a while."""

import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import argon2
import sqlalchemy as sa

from floorsense.errors import UsageError
from floorsense.storage import Store
from floorsense.storage.schema import metadata
from floorsense.storage.upsert import insert_or_update

VIEWER = "viewer"
OPERATOR = "operator"
ROLES = (VIEWER, OPERATOR)
LOGIN_MS = 12 * 3_600_000
SHORTEST = 10
LONGEST = 1024

users = sa.Table(
    "users",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("hash", sa.String(256), nullable=False),
    sa.Column("made_at", sa.BigInteger, nullable=False),
)

# The token itself is in no database: what leaks from one opens nothing.
logins = sa.Table(
    "logins",
    metadata,
    sa.Column("digest", sa.String(64), primary_key=True),
    sa.Column("name", sa.String(64), sa.ForeignKey("users.name"), nullable=False),
    sa.Column("ends_at", sa.BigInteger, nullable=False),
)


@dataclass(frozen=True)
class Person:
    name: str
    role: str

    def may(self, role: str) -> bool:
        return role == VIEWER or self.role == OPERATOR


class Accounts:
    """Over a store; each call raises DatabaseError while the database is away."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hasher = argon2.PasswordHasher()
        # Who names nobody must wait as long as who names somebody.
        self._nobody = self._hasher.hash(secrets.token_hex(16))

    def add(self, name: str, role: str, password: str) -> None:
        """Add somebody, or give them another password or role, which ends their logins. Raises UsageError."""
        if not name.isprintable() or not 1 <= len(name) <= 64 or ":" in name:
            raise UsageError("a name has 1 to 64 printable characters and no ':'")
        if not SHORTEST <= len(password) <= LONGEST:
            raise UsageError(f"the password has {len(password)} characters; {SHORTEST} to {LONGEST} are needed")
        row = {"name": name, "role": role, "hash": self._hasher.hash(password), "made_at": _now()}

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(logins).where(logins.c.name == name))
            change = insert_or_update(connection, users, ["name"], lambda new: {"role": new.role, "hash": new.hash})
            connection.execute(change, [row])

        self._store.write(write)

    def remove(self, name: str) -> bool:
        """Whether there was one."""

        def write(connection: sa.Connection) -> bool:
            connection.execute(sa.delete(logins).where(logins.c.name == name))
            return connection.execute(sa.delete(users).where(users.c.name == name)).rowcount > 0

        return self._store.write(write)

    def listed(self) -> list[Person]:
        query = sa.select(users.c.name, users.c.role).order_by(users.c.name)
        return self._store.read(lambda connection: [Person(row.name, row.role) for row in connection.execute(query)])

    def check(self, name: str, password: str) -> Person | None:
        """Who that is, by their password."""
        query = sa.select(users).where(users.c.name == name)
        row: Any = self._store.read(lambda connection: connection.execute(query).one_or_none())
        try:
            self._hasher.verify(self._nobody if row is None else row.hash, password)
        except argon2.exceptions.VerificationError:
            return None
        return None if row is None else Person(row.name, row.role)

    def log_in(self, person: Person) -> str:
        """A token, for LOGIN_MS."""
        token = secrets.token_urlsafe(32)
        row = {"digest": _digest(token), "name": person.name, "ends_at": _now() + LOGIN_MS}

        def write(connection: sa.Connection) -> None:
            connection.execute(sa.delete(logins).where(logins.c.ends_at < _now()))
            connection.execute(sa.insert(logins).values(row))

        self._store.write(write)
        return token

    def log_out(self, token: str) -> None:
        self._store.write(lambda connection: connection.execute(sa.delete(logins).where(logins.c.digest == _digest(token))))

    def whose(self, token: str) -> Person | None:
        """Who logged in with it, while that lasts."""
        query = sa.select(users.c.name, users.c.role).join(logins, logins.c.name == users.c.name)
        query = query.where(logins.c.digest == _digest(token), logins.c.ends_at > _now())
        row = self._store.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else Person(row.name, row.role)


def _digest(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


def _now() -> int:
    return int(time.time() * 1000)
