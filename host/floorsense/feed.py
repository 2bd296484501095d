"""The live feed: what was stored, handed on within the process to whoever looks on. It never holds up who publishes."""

from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition
from types import TracebackType
from typing import Any

# Items that wait for one subscriber: some seconds of a busy factory.
CAPACITY = 20_000


class Subscription:
    """What was published since it was made. ``missed`` counts what went because nobody took it in time.

    Any thread may ``take`` or ``wait``. An event loop gives ``wake``, called in the publisher's thread when there is
    something and there was nothing: ``lambda: loop.call_soon_threadsafe(event.set)``.
    """

    def __init__(self, feed: "Feed", capacity: int, wake: Callable[[], object] | None) -> None:
        self.missed = 0
        self._feed = feed
        self._items: deque[Any] = deque()
        self._capacity = capacity
        self._wake = wake
        self._came = Condition()

    def take(self) -> list[Any]:
        """All that waits, oldest first; [] for nothing."""
        with self._came:
            items = list(self._items)
            self._items.clear()
        return items

    def wait(self, timeout_s: float) -> list[Any]:
        """The same, after waiting until there is something, for ``timeout_s`` at most."""
        with self._came:
            self._came.wait_for(lambda: bool(self._items), timeout_s)
        return self.take()

    def close(self) -> None:
        self._feed.forget(self)

    def __enter__(self) -> "Subscription":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def put(self, items: list[Any]) -> None:
        """For the feed. The oldest give way."""
        with self._came:
            was_empty = not self._items
            over = max(0, len(self._items) + len(items) - self._capacity)
            self.missed += over
            self._items.extend(items)
            for _ in range(over):
                self._items.popleft()
            self._came.notify_all()
        if was_empty and self._wake is not None:
            self._wake()


class Feed:
    """``publish`` in one thread, ``subscribe`` in any. Items are ``storage.Arrival`` and ``storage.State``."""

    def __init__(self) -> None:
        self._subscriptions: tuple[Subscription, ...] = ()
        self._lock = Condition()

    def subscribe(self, wake: Callable[[], object] | None = None, capacity: int = CAPACITY) -> Subscription:
        """A Subscription, until it is closed."""
        subscription = Subscription(self, capacity, wake)
        with self._lock:
            self._subscriptions += (subscription,)
        return subscription

    def forget(self, subscription: Subscription) -> None:
        with self._lock:
            self._subscriptions = tuple(one for one in self._subscriptions if one is not subscription)

    def publish(self, items: Iterable[Any]) -> None:
        """Hand on. What a subscriber's ``wake`` raises, as a loop that was closed does, ends its subscription and no more."""
        subscriptions = self._subscriptions
        if not subscriptions:
            return
        batch = list(items)
        for subscription in subscriptions:
            try:
                subscription.put(batch)
            except RuntimeError:
                self.forget(subscription)
