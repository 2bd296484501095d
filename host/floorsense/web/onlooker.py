"""Live values straight from the broker, for a process that shows what others store."""

from collections.abc import Sequence

from floorsense.broker_url import BrokerUrl
from floorsense.feed import Feed
from floorsense.ingest.judge import Judge
from floorsense.listener import Listener
from floorsense.storage import Arrival, State


class Onlooker:
    """``with Onlooker(...)``: what the broker sends and the contract lets pass goes into ``feed``, until the block is left.

    It acknowledges nothing to anybody's account and stores nothing: the broker keeps no session for it.
    """

    def __init__(self, url: BrokerUrl, feed: Feed, *, topics: Sequence[str] = ("#",), ca: str | None = None) -> None:
        """Raises UsageError for a filter that is none, or a ``ca`` (PEM file) that cannot be used."""
        self.received = 0
        self._feed = feed
        self._judge = Judge()
        self._listener = Listener(url, topics, self._message, ca=ca)

    def __enter__(self) -> "Onlooker":
        """Raises BrokerError."""
        self._listener.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def word(self) -> str:
        """For health: ok, or for how long the broker is away."""
        away_s = self._listener.away_s()
        return f"away for {away_s:.0f} s; values are shown when it is there again" if away_s else "ok"

    def figures(self) -> dict[str, float]:
        """For metrics."""
        return {"onlooker_received_total": self.received}

    def _message(self, topic: str, payload: bytes, _qos: int, is_retained: bool, _is_dup: bool, at: float) -> None:
        self.received += 1
        found = self._judge.judge(topic, payload, int(at))
        # A status is kept for whoever comes late; a reading that somebody kept says nothing of now.
        if isinstance(found, State) or (isinstance(found, Arrival) and not is_retained):
            self._feed.publish([found])
