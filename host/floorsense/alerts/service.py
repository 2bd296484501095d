"""The alerts at work: the engine beside the live feed or over the database, and the postman, each in a thread of its own."""

import logging
import time
from collections.abc import Callable
from threading import Event, Thread

from floorsense.alerts.alarms import Alarm
from floorsense.alerts.engine import Engine
from floorsense.alerts.past import Past
from floorsense.alerts.postman import Postman
from floorsense.alerts.rules import Rules
from floorsense.errors import DatabaseError
from floorsense.feed import Subscription
from floorsense.storage import Store, Unfit

_LOG = logging.getLogger(__name__)
_LOOK_S = 0.25
_POLL_S = 1.0
_POST_S = 1.0
_PAUSE_S = 5.0


class Alerts:
    """``with Alerts(store, rules, from_feed=True)``: they work until the block is left. Changed alarms go into the feed."""

    def __init__(self, store: Store, rules: Rules, from_feed: bool, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._rules = rules
        self._from_feed = from_feed
        self._clock = clock
        self._stopped = Event()
        self._away: dict[str, str] = {}
        self.postman = Postman(store, rules)
        self.engine: Engine | None = None
        works = (("alerts", self._watch), ("postman", self._post))
        self._threads = [Thread(target=work, name=name, daemon=True) for name, work in works]

    def __enter__(self) -> "Alerts":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(30)

    def words(self) -> dict[str, Callable[[], str]]:
        """What its parts say of themselves, for health."""
        return {one.name: lambda one=one: self._word(one) for one in self._threads}  # type: ignore[misc]

    def figures(self) -> dict[str, float]:
        """For metrics."""
        told: dict[str, float] = {f"alerts_{name}_total": count for name, count in self.postman.counts.items()}
        told["alerts_notices_without_contact"] = sum(self.postman.strays.values())
        if self.engine is not None:
            told |= {f"alerts_{name}_total": count for name, count in self.engine.counts.items()}
        return told

    def _word(self, thread: Thread) -> str:
        return self._away.get(thread.name) or ("ok" if thread.is_alive() else "ended")

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _watch(self) -> None:
        with self._store.feed.subscribe() as subscription:
            while not self._stopped.is_set():
                self._patiently("alerts", lambda: self._look(subscription))

    def _look(self, subscription: Subscription) -> None:
        if self.engine is None:
            self.engine = Engine(self._store, self._rules)
        past = Past(self._store, self._rules.rules)
        missed = subscription.missed
        self._tell(self.engine.take(past.read(self._now()), self._now()))
        while not self._stopped.is_set():
            if not self._from_feed:
                self._stopped.wait(_POLL_S)
                self._tell(self.engine.take(past.read(self._now()), self._now()))
                continue
            self._tell(self.engine.take(subscription.wait(_LOOK_S), self._now()))
            if subscription.missed > missed:
                _LOG.warning("%d readings came faster than the rules were held against them", subscription.missed - missed)
                # Begun anew, it reads them from the database.
                return

    def _tell(self, changed: list[Alarm]) -> None:
        if changed:
            self._store.feed.publish(changed)

    def _post(self) -> None:
        while not self._stopped.wait(_POST_S):
            self._patiently("postman", lambda: self.postman.step(self._now()))

    def _patiently(self, name: str, work: Callable[[], object]) -> None:
        try:
            work()
            self._away.pop(name, None)
        except (DatabaseError, Unfit) as error:
            _LOG.warning("%s: %s; it goes on in %.0f s", name, error, _PAUSE_S)
            self._away[name] = str(error)
            self._stopped.wait(_PAUSE_S)
