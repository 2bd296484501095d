"""The ingestion: from the broker's link through the contract into the storage, and only then the acknowledgement."""

import logging
import random
import time
from collections.abc import Callable, Iterable, Sequence
from threading import Event, Thread
from typing import Any, Protocol, TypeVar

from floornode.contract.mark import Life
from floorsense.broker_url import BrokerUrl
from floorsense.errors import DatabaseError
from floorsense.ingest.backlog import Backlog, Message
from floorsense.ingest.judge import Judge
from floorsense.ingest.link import Link
from floorsense.ingest.marks import Marks
from floorsense.storage import Arrival, Refused, State, Unfit, Written

_LOG = logging.getLogger(__name__)
T = TypeVar("T", Arrival, State, Refused)

# Messages in one batch. While one is being stored the next gathers: a quiet broker has batches of one, a busy one of many.
BATCH = 1000
_PAUSE_S = (0.1, 5.0)
_STOP_S = 5.0


class Storage(Protocol):
    """What takes readings: ``storage.Store``, or ``remote.RemoteStore`` over REST.

    Each call raises DatabaseError while it is away, and Unfit for what it will never take.
    """

    def put_readings(self, arrivals: Sequence[Arrival]) -> Written: ...

    def put_states(self, states: Sequence[State]) -> None: ...

    def put_refused(self, refused: Sequence[Refused]) -> None: ...

    def marks(self, machines: Iterable[str]) -> dict[str, dict[str, list[Life]]]: ...

    def machines(self) -> list[str]: ...


class Ingester:
    """``with Ingester(...)``: it works until the block is left, and then stores what it holds."""

    def __init__(
        self,
        url: BrokerUrl,
        storage: Storage,
        *,
        topics: Sequence[str] = ("#",),
        name: str = "floorsense-ingest",
        share: str | None = None,
        ca: str | None = None,
        patient: bool = False,
        backlog: Backlog | None = None,
    ) -> None:
        """``name``: under which the broker keeps our session, one a process. ``share``: the group of a shared subscription.

        ``patient``: a broker that is not there yet is waited for.
        """
        self.backlog = Backlog() if backlog is None else backlog
        self._fresh = False
        filters = [f"$share/{share}/{topic}" if share else topic for topic in topics]
        self.link = Link(url, filters, name, self.backlog, self._was_forgotten, ca)
        self.marks = Marks(storage, self.link.publish)
        self._storage = storage
        self._patient = patient
        self._judge = Judge()
        self._stopped = Event()
        self._away: str | None = None
        self._waited_s = 0.0
        self._thread = Thread(target=self._work, name="ingest", daemon=True)

    def __enter__(self) -> "Ingester":
        """Raises BrokerError, where it is not patient."""
        self.link.open(self._patient)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.link.stop_reading()
        self._stopped.set()
        self.backlog.wake()
        self._thread.join(_STOP_S + 10)
        self.link.close()

    def words(self) -> dict[str, Callable[[], str]]:
        """What its parts say of themselves, for health."""
        return {"broker": self.link.word, "ingest": lambda: self._away or ("ok" if self._thread.is_alive() else "ended")}

    def figures(self) -> dict[str, float]:
        """For metrics."""
        return {
            "ingest_received_total": self.link.received,
            "ingest_dropped_qos0_total": self.link.dropped,
            "ingest_overflows_total": self.link.overflows,
            "ingest_connects_total": self.link.connects,
            "ingest_marks_published_total": self.marks.published,
            "ingest_storage_waited_seconds_total": self._waited_s,
            "ingest_backlog": len(self.backlog),
        }

    def _was_forgotten(self) -> None:
        self._fresh = True

    def _work(self) -> None:
        while not self._stopped.is_set() or len(self.backlog):
            if self._fresh and not self._stopped.is_set():
                self._tell_all_marks()
            batch = self.backlog.take(BATCH, 0.25)
            if batch and not self._store(batch):
                break
            self.link.acknowledge(batch)
            self.marks.publish()
        if left := len(self.backlog):
            _LOG.warning(
                "stopped with %d messages that were not stored; the broker sends again what it wants acknowledged", left
            )

    def _store(self, batch: list[Message]) -> bool:
        """Every message of the batch, where it belongs. False where we were stopped before that could be done."""
        arrivals: list[Arrival] = []
        states: list[State] = []
        refused: list[Refused] = []
        for message in batch:
            found = self._judge.judge(message.topic, message.payload, message.arrived)
            if isinstance(found, Arrival):
                arrivals.append(found)
            elif isinstance(found, State):
                states.append(found)
            elif found is not None:
                refused.append(found)
        done = (
            self._put(self._storage.put_readings, arrivals, refused)
            and self._put(self._storage.put_states, states, refused)
            and self._put(self._storage.put_refused, refused, [])
        )
        if done:
            self.marks.touch({one.topic.rpartition("/")[0] for one in arrivals if one.reading.boot is not None})
        return done

    def _put(self, put: Callable[[Sequence[T]], Any], items: list[T], refused: list[Refused]) -> bool:
        """Try until it is done, in ever smaller parts where one of them cannot be taken."""
        pause = _PAUSE_S[0]
        stop_at: float | None = None
        while items:
            try:
                put(items)
            except Unfit as error:
                if len(items) == 1:
                    self._give_up(items[0], str(error), refused)
                    break
                half = len(items) // 2
                return self._put(put, items[:half], refused) and self._put(put, items[half:], refused)
            except DatabaseError as error:
                if self._away is None:
                    _LOG.warning("%s; what comes waits", error)
                self._away = str(error)
                if self._stopped.is_set():
                    stop_at = stop_at or time.monotonic() + _STOP_S
                    if time.monotonic() > stop_at:
                        return False
                began = time.monotonic()
                self._stopped.wait(pause * random.uniform(0.5, 1.0)) if stop_at is None else time.sleep(_PAUSE_S[0])
                self._waited_s += time.monotonic() - began
                pause = min(2 * pause, _PAUSE_S[1])
                continue
            break
        if items and self._away is not None:
            _LOG.info("the storage is there again")
            self._away = None
        return True

    def _give_up(self, item: Arrival | State | Refused, reason: str, refused: list[Refused]) -> None:
        """One that the storage will never take: into quarantine with it, and where even that cannot be, into the log."""
        if isinstance(item, Arrival):
            refused.append(Refused.of(item.topic, item.payload(), f"the storage refused it: {reason}", item.arrived))
        elif isinstance(item, State):
            topic = f"{item.machine}/{item.leaf}"
            refused.append(
                Refused.of(topic, repr(item.fields).encode(errors="replace"), f"the storage refused it: {reason}", item.arrived)
            )
        else:
            _LOG.error("a message on %r cannot even be quarantined: %s", item.topic[:80], reason)

    def _tell_all_marks(self) -> None:
        try:
            machines = self._storage.machines()
        except (DatabaseError, Unfit):
            return
        self._fresh = False
        self.marks.forget_told()
        self.marks.touch(machines)
