"""Listening at a broker: paho-mqtt, with its failures told apart in words."""

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError, UsageError
from floorsense.mqtt_client import new_client, probe, refusal, words
from floorsense.topic_filter import fault_of_filter

OnMessage = Callable[[str, bytes, int, bool, bool, float], None]
"""topic, payload, QoS, retain, dup, arrival as Unix time in ms."""

OnDeaf = Callable[[float, float], None]
"""From when to when nothing could be heard, as Unix time in ms."""

# Time limits in seconds, each shorter than the next: connecting, and again waiting for the answer; the keep-alive, after
# one and a half of which a dead link is noticed.
OPEN_S = 5
_KEEPALIVE_S = 10
_RECONNECT_S = (1, 4)
# QoS 2, so that each message arrives with the QoS it was published with.
_QOS = 2


class Listener:
    """A subscription at a broker, from ``open`` to ``close``.

    ``on_message`` is called in paho's thread, one message at a time, and must not raise. A lost connection is made again;
    ``on_deaf`` is then told for how long nothing was heard, in the same thread and before the next message.
    """

    def __init__(
        self,
        url: BrokerUrl,
        topics: Sequence[str],
        on_message: OnMessage,
        *,
        ca: str | None = None,
        on_deaf: OnDeaf = lambda _from_ms, _to_ms: None,
        reconnect_s: tuple[float, float] = _RECONNECT_S,
    ) -> None:
        """``reconnect_s``: the shortest and the longest pause between two attempts to find a lost broker again.

        Raises UsageError for a ``ca`` (PEM file) that cannot be used or a topic filter that is none.
        """
        self.url = url
        self._topics = topics
        self._on_message = on_message
        self._on_deaf = on_deaf
        self._answered = threading.Event()
        self._hearing = threading.Event()
        self._fault: str | None = None
        self._lost_at: float | None = None
        for topic in topics:
            if fault := fault_of_filter(topic):
                raise UsageError(f"--topic {topic!r}: {fault}")
        name = f"floorsense-{secrets.token_hex(5)}"
        self._client = client = new_client(url, name, ca=ca)
        # paho's types want whole seconds; its arithmetic does not.
        client.reconnect_delay_set(*reconnect_s)  # type: ignore[arg-type]
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._message

    def open(self, timeout_s: float = OPEN_S) -> None:
        """Connect and subscribe. Raises BrokerError with the reason, within some three times ``timeout_s``."""
        self._client.connect_timeout = timeout_s
        try:
            self._client.connect(self.url.host, self.url.port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            raise BrokerError(f"broker {self.url}: {words(error, url=self.url)}") from error
        self._client.loop_start()
        if not self._answered.wait(timeout_s):
            self._answer(probe(self.url) or f"it took the connection and said nothing for {timeout_s:g} s")
        if self._fault:
            self.close()
            raise BrokerError(f"broker {self.url}: {self._fault}")

    def close(self) -> None:
        """Hear no more; nothing is called any more afterwards."""
        self._client.disconnect()
        self._client.loop_stop()
        self._hear_again()

    def publish(self, topic: str, payload: bytes) -> None:
        """Say something, at QoS 1 and not retained; while the broker is away it waits."""
        self._client.publish(topic, payload, qos=1)

    def away_s(self) -> float:
        """For how long the broker has been away; 0 while it is there."""
        lost_at = self._lost_at
        return 0.0 if lost_at is None else max(0.0, time.time() - lost_at / 1000)

    def wait_until_hearing(self, limit_s: float) -> bool:
        """Wait until the broker has taken the subscription on the present connection. False where it did not."""
        return self._hearing.wait(limit_s)

    def __enter__(self) -> "Listener":
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._answer(refusal(code))
            return
        # Before what comes next, even if that is a message that overtakes the SUBACK.
        self._hear_again()
        client.subscribe([(topic, _QOS) for topic in self._topics])

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = ", ".join(topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure)
        self._answer(f"it refused the subscription to {refused}; its access rules must allow it" if refused else None)
        if not refused:
            self._hearing.set()

    def _disconnected(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self._hearing.clear()
        if not self._answered.is_set():
            self._answer(probe(self.url) or "it closed the connection without a word")
        elif code.is_failure and self._lost_at is None:
            self._lost_at = time.time() * 1000

    def _hear_again(self) -> None:
        if self._lost_at is not None:
            self._on_deaf(self._lost_at, time.time() * 1000)
            self._lost_at = None

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"
        self._on_message(topic, bytes(message.payload), message.qos, message.retain, message.dup, time.time() * 1000)

    def _answer(self, fault: str | None) -> None:
        """The first word of the broker, which ``open`` waits for."""
        if not self._answered.is_set():
            self._fault = fault
            self._answered.set()
