"""The store: readings, states and refused messages go in, each batch whole or not at all, each reading once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from floornode.contract.mark import MAX_LIVES, Life
from floorsense.errors import DatabaseError
from floorsense.feed import Feed
from floorsense.storage import quarantine, stations
from floorsense.storage.arrivals import Arrival, Refused, State
from floorsense.storage.catalogue import Catalogue
from floorsense.storage.database import Database, is_away, words
from floorsense.storage.ledger import NEW, UNSURE, Ledger
from floorsense.storage.rows import PostgresRows, Row, SqliteRows, holds_row, holds_seq, unnumbered_at
from floorsense.storage.schema import UNNUMBERED, lives, topics

T = TypeVar("T")

KEEP_MS = 90 * 86_400_000
# SQLite takes 32,766 parameters; more machines at once are asked for in parts.
_MOST_ASKED = 500
# By how much a clock may be put right without its reading being taken for another's.
_STEP_MS = 3_600_000


class Unfit(Exception):
    """The database refused what it was given, for its own sake: the same will be refused again."""


@dataclass
class Written:
    """``stored``: what is new; ``repeated``: how many were stored before; ``refused``: what went to quarantine instead."""

    stored: list[Arrival] = field(default_factory=list)
    repeated: int = 0
    refused: list[Refused] = field(default_factory=list)


class Store:
    """Over an open ``Database``. Any thread may call; what a call does is committed when it returns.

    Each call raises DatabaseError while the database is away (try again), and Unfit for what it will never take.
    """

    def __init__(self, database: Database, feed: Feed | None = None, keep_ms: int = KEEP_MS) -> None:
        self.database = database
        self.feed = feed or Feed()
        self.keep_ms = keep_ms
        self.counts = {"stored": 0, "repeated": 0, "quarantined": 0, "states": 0}
        self.rows = SqliteRows() if database.is_sqlite else PostgresRows(partitioned=not database.timescale)
        self._catalogue = Catalogue()
        self._lock = Lock()

    def put_readings(self, arrivals: Sequence[Arrival]) -> Written:
        """Store what is not stored yet. A reading whose time cannot be right, or whose identity is another's, is refused."""
        with self._told_apart():
            self._prepare(arrivals)
            with self.database.writing() as connection:
                written = self._write(connection, arrivals)
        self._count(stored=len(written.stored), repeated=written.repeated, quarantined=len(written.refused))
        if written.stored:
            self.feed.publish(written.stored)
        return written

    def put_states(self, states: Sequence[State]) -> None:
        """Keep each board's last. One that is older than what is known changes nothing."""
        changed = self.write(lambda connection: stations.put(connection, states))
        self._count(states=len(states))
        if changed:
            self.feed.publish(changed)

    def put_refused(self, refused: Sequence[Refused]) -> None:
        """Keep refused messages with their reasons."""
        self.write(lambda connection: quarantine.put(connection, refused))
        self._count(quarantined=len(refused))

    def marks(self, machines: Iterable[str]) -> dict[str, dict[str, list[Life]]]:
        """What is stored of each machine: {machine: {quantity: its latest lives, the newest first}}."""
        wanted = sorted(set(machines))

        def ask(connection: Connection) -> list[Any]:
            parts = (wanted[at : at + _MOST_ASKED] for at in range(0, len(wanted), _MOST_ASKED))
            return [row for part in parts for row in connection.execute(_marks_of(part))]

        found: dict[str, dict[str, list[Life]]] = {}
        for machine, quantity, boot, top, stored, holes in self.read(ask):
            ledger = Ledger.read(top, stored, holes)
            life = Life(boot, ledger.complete_to, ledger.holes, top)
            found.setdefault(machine, {}).setdefault(quantity, []).append(life)
        return found

    def machines(self) -> list[str]:
        """All that have sent a reading."""
        return self.read(lambda connection: list(connection.scalars(sa.select(topics.c.machine).distinct())))

    def read(self, what: Callable[[Connection], T]) -> T:
        """``what`` within one transaction. Its errors are told apart as every call's are."""
        with self._told_apart(), self.database.reading() as connection:
            return what(connection)

    def write(self, what: Callable[[Connection], T]) -> T:
        """The same for what changes something."""
        with self._told_apart(), self.database.writing() as connection:
            return what(connection)

    # ---- within

    @contextmanager
    def _told_apart(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # Whatever was remembered of the database may be of one that is no more.
            self._catalogue.forget()
            if isinstance(self.rows, PostgresRows):
                self.rows.forget_partitions()
            if is_away(error):
                raise DatabaseError(f"database {self.database}: {words(error)}") from error
            raise Unfit(words(error)) from error

    def _prepare(self, arrivals: Sequence[Arrival]) -> None:
        """What must be there before the batch, committed by itself: names of new topics, partitions of new weeks."""
        if fresh := self._catalogue.unknown(arrivals):
            with self.database.writing() as connection:
                known = self._catalogue.register(connection, fresh)
            self._catalogue.remember(known)
        if isinstance(self.rows, PostgresRows):
            times = [arrival.ts for arrival in arrivals if arrival.fault_of_clock(self.keep_ms) is None]
            if not self.rows.has_partitions(times):
                with self.database.writing() as connection:
                    self.rows.partition(connection, times)
                self.rows.partitioned(times)

    def _write(self, connection: Connection, arrivals: Sequence[Arrival]) -> Written:
        written = Written()
        placed: list[tuple[int, int, Arrival]] = []
        for arrival in arrivals:
            topic_id = self._catalogue.find(arrival.topic)
            if topic_id is None:
                written.refused.append(_refused(arrival, f"there are more than {self._catalogue.most} topics"))
                continue
            boot = arrival.reading.boot
            placed.append((topic_id, UNNUMBERED if boot is None else boot, arrival))
        held = self.rows.lock_lives(connection, {(topic_id, boot) for topic_id, boot, _ in placed})
        batch = _Batch(connection, held, self.keep_ms, written)
        for topic_id, boot, arrival in placed:
            batch.take((topic_id, boot), arrival)
        if batch.rows:
            self.rows.insert(connection, batch.rows)
        if batch.changed:
            self.rows.save_lives(connection, {key: held[key] for key in batch.changed})
        if written.refused:
            quarantine.put(connection, written.refused)
        return written

    def _count(self, **more: int) -> None:
        with self._lock:
            for name, count in more.items():
                self.counts[name] += count


class _Batch:
    """One batch on its way into the rows, within its transaction."""

    def __init__(
        self, connection: Connection, held: dict[tuple[int, int], tuple[Ledger, int | None]], keep_ms: int, written: Written
    ) -> None:
        self.rows: list[Row] = []
        self.changed: set[tuple[int, int]] = set()
        self._connection = connection
        self._held = held
        self._keep_ms = keep_ms
        self._written = written
        self._unnumbered: dict[tuple[int, int], list[float | None]] = {}
        self._here: set[tuple[int, int, int]] = set()

    def take(self, key: tuple[int, int], arrival: Arrival) -> None:
        fault = arrival.fault_of_clock(self._keep_ms)
        if key[1] == UNNUMBERED:
            if fault:
                self._written.refused.append(_refused(arrival, fault))
            else:
                self._take_unnumbered(key, arrival)
            return
        seq = arrival.reading.seq
        ledger = self._held[key][0]
        found = ledger.look(seq)
        if found == UNSURE and (*key, seq) not in self._here and not holds_seq(self._connection, key, seq):
            found = NEW
        if found == NEW:
            ledger.take(seq)
            self._here.add((*key, seq))
            if fault:
                # It is kept, if not among the readings: to the board it is not missing.
                self.changed.add(key)
                self._written.refused.append(_refused(arrival, fault))
            else:
                self._add(key, seq, arrival)
        elif fault is None and self._is_another(key, seq, arrival):
            text = f"boot {key[1]}, seq {seq} is stored with another time: was the board's boot set back?"
            self._written.refused.append(_refused(arrival, text))
        else:
            self._written.repeated += 1

    def _is_another(self, key: tuple[int, int], seq: int, arrival: Arrival) -> bool:
        """Whether what is stored under its identity has another time, one that the board itself knew.

        A board dates anew what it sends again, so that a step of its clock between is no other reading.
        """
        ts = arrival.ts
        if ts != arrival.reading.ts or (*key, seq) in self._here:
            return False
        return not holds_row(self._connection, key, seq, ts - _STEP_MS, ts + _STEP_MS)

    def _take_unnumbered(self, key: tuple[int, int], arrival: Arrival) -> None:
        at = (key[0], arrival.ts)
        values = self._unnumbered.get(at)
        if values is None:
            values = self._unnumbered[at] = unnumbered_at(self._connection, *at)
        if arrival.value in values:
            self._written.repeated += 1
            return
        values.append(arrival.value)
        self._held[key][0].stored += 1
        self._add(key, len(values) - 1, arrival)

    def _add(self, key: tuple[int, int], seq: int, arrival: Arrival) -> None:
        ledger, dirty = self._held[key]
        ts = arrival.ts
        self._held[key] = (ledger, ts if dirty is None else min(dirty, ts))
        self.changed.add(key)
        self.rows.append((key[0], ts, key[1], seq, arrival.value, arrival.reading.flags, arrival.arrived, arrival.more()))
        self._written.stored.append(arrival)


def _refused(arrival: Arrival, reason: str) -> Refused:
    return Refused.of(arrival.topic, arrival.payload(), reason, arrival.arrived)


def _marks_of(machines: list[str]) -> sa.Select[Any]:
    earlier = lives.alias()
    third = (
        sa.select(earlier.c.boot)
        .where(earlier.c.topic_id == topics.c.id, earlier.c.boot >= 0)
        .order_by(earlier.c.boot.desc())
        .offset(MAX_LIVES - 1)
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(topics.c.machine, topics.c.quantity, lives.c.boot, lives.c.top, lives.c.stored, lives.c.holes)
        .join(lives, lives.c.topic_id == topics.c.id)
        .where(topics.c.machine.in_(machines), lives.c.top >= 0, lives.c.boot >= sa.func.coalesce(third, 0))
        .order_by(topics.c.machine, topics.c.quantity, lives.c.boot.desc())
    )
