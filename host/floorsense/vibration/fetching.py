"""A raw window from a board at a broker: asked for, gathered, and what is missing asked for again."""

import json
import queue
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from floornode.contract import command, decoding, topics
from floornode.contract.status import ONLINE
from floorsense.broker_url import BrokerUrl
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.listener import Listener
from floorsense.vibration.gathering import Gathering

# Seconds, in order: a retained status comes with the subscription; a silence within the chunks; how often it is broken.
_STATUS_S = 3.0
_SILENCE_S = 3.0
_ASKED_AGAIN = 4

OnProgress = Callable[[int, int], None]
"""chunks that are here, chunks that there are"""


@dataclass(frozen=True)
class _Said:
    leaf: str
    fields: Any


def fetch(
    url: BrokerUrl,
    machine: str,
    quantity: str,
    *,
    limit_s: float | None = None,
    ca: str | None = None,
    progress: OnProgress = lambda _here, _all: None,
) -> Gathering:
    """The whole window behind the latest reading of ``quantity`` of ``machine`` (SITE/FLOOR/MACHINE).

    ``limit_s``: seconds until the board must have begun to answer; by default as long as a window can be under way, which is a
    period of the quantity and 15 s. Raises UsageError, BrokerError, BoardUnreachable for a board that does not answer, and
    BoardError for one that says no, or whose chunks are lost again and again.
    """
    said: queue.SimpleQueue[_Said] = queue.SimpleQueue()

    def hear(topic: str, payload: bytes, _qos: int, _retain: bool, _dup: bool, _at_ms: float) -> None:
        try:
            said.put(_Said(topic.rpartition("/")[2], json.loads(payload)))
        except (ValueError, RecursionError):
            # The checker's business; here it is one that did not come.
            return

    gathering = Gathering(secrets.token_hex(4))
    with Listener(url, [f"{machine}/{topics.STATUS}", f"{machine}/{topics.CAPTURE}"], hear, ca=ca) as listener:
        period_s = _period_of(_status(said, machine, url), machine, quantity)
        ask = _Asking(listener, f"{machine}/{topics.COMMAND}", quantity, gathering)
        try:
            ask.for_window()
            _gather(said, gathering, ask, machine, period_s + 15 if limit_s is None else limit_s, progress)
        finally:
            # Also where somebody pressed Ctrl-C: another may ask at once.
            ask.no_more()
    return gathering


class _Asking:
    """The commands of one request."""

    def __init__(self, listener: Listener, topic: str, quantity: str, gathering: Gathering) -> None:
        self._listener = listener
        self._topic = topic
        self._quantity = quantity
        self._gathering = gathering

    def for_window(self) -> None:
        self._say(None)

    def for_missing(self) -> None:
        self._say(self._gathering.missing()[: command.MAX_CHUNKS])

    def no_more(self) -> None:
        self._say([])

    def _say(self, chunks: list[int] | None) -> None:
        self._listener.publish(self._topic, command.encode(self._quantity, self._gathering.id, chunks))


def _status(said: "queue.SimpleQueue[_Said]", machine: str, url: BrokerUrl) -> dict[str, Any]:
    """The board's birth message. Raises BoardUnreachable where it has none, or is away."""
    end = time.monotonic() + _STATUS_S
    while (left := end - time.monotonic()) > 0:
        try:
            one = said.get(timeout=left)
        except queue.Empty:
            break
        if one.leaf != topics.STATUS:
            continue
        try:
            status: dict[str, Any] = decoding.decode_status(one.fields)
        except ValueError as error:
            raise BoardError(f"{machine}: its status cannot be read: {error}") from error
        if status["status"] != ONLINE:
            raise BoardUnreachable(f"{machine}: the board is not there; its status is '{status['status']}'")
        return status
    raise BoardUnreachable(
        f"{machine}: broker {url} knows no status of it; write SITE/FLOOR/MACHINE as `floorsense check` names the boards"
    )


def _period_of(status: dict[str, Any], machine: str, quantity: str) -> float:
    """The seconds from one of its readings to the next."""
    readings = status["readings"]
    if quantity not in readings:
        names = [name for name in readings if name.partition(".")[0] == "vibration"]
        raise UsageError(
            f"{machine} publishes no {quantity}; "
            + (f"give --quantity {' or '.join(sorted(names))}" if names else "it has no sensor that takes windows of samples")
        )
    return float(readings[quantity]["period"])


def _gather(
    said: "queue.SimpleQueue[_Said]",
    gathering: Gathering,
    ask: _Asking,
    machine: str,
    limit_s: float,
    progress: OnProgress,
) -> None:
    began = heard = time.monotonic()
    asked = 0
    while not gathering.is_whole:
        is_begun = gathering.head is not None or len(gathering) > 0
        left = (_SILENCE_S - (time.monotonic() - heard)) if is_begun else limit_s - (time.monotonic() - began)
        try:
            one = said.get(timeout=max(0.0, left))
        except queue.Empty:
            if not is_begun:
                raise BoardUnreachable(
                    f"{machine}: does not answer within {limit_s:g} s; is it online, and 'commands' not false in its settings?"
                ) from None
            if asked == _ASKED_AGAIN:
                raise BoardError(
                    f"{machine}: {_lost(gathering)} although asked for {asked} times; is its link so bad?"
                ) from None
            asked += 1
            heard = time.monotonic()
            ask.for_missing()
            continue
        if one.leaf != topics.CAPTURE:
            _follow(one, machine)
            continue
        try:
            is_new = gathering.take(one.fields)
        except ValueError:
            continue
        if gathering.refused is not None:
            raise BoardError(f"{machine}: {gathering.refused}")
        if is_new:
            # What is new earns another try.
            heard, asked = time.monotonic(), 0
            progress(len(gathering), gathering.head.chunks if gathering.head else 0)


def _follow(one: _Said, machine: str) -> None:
    """A board that goes meanwhile does not send the rest. One that is back goes on, or says that it holds nothing."""
    status = one.fields.get("status") if isinstance(one.fields, dict) else None
    if status not in (None, ONLINE):
        raise BoardUnreachable(f"{machine}: the board went away; its status is '{status}'")


def _lost(gathering: Gathering) -> str:
    missing = gathering.missing()
    if gathering.head is None:
        return "what the window is did not come"
    names = ", ".join(str(one) for one in missing[:8]) + (", ..." if len(missing) > 8 else "")
    broken = f" ({gathering.broken} came broken)" if gathering.broken else ""
    return f"chunks {names} of {gathering.head.chunks} did not come{broken}"
