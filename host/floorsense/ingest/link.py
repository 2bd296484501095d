"""The link to the broker: a session that the broker keeps while we are away, and acknowledgements when we say so.

QoS 1, also for what is published with QoS 2: paho confirms the receipt of a QoS 2 message before it hands it over, and one
that was confirmed and not yet stored would be lost with the process. What QoS 1 brings twice is known by its identity.
"""

import logging
import random
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError, UsageError
from floorsense.ingest.backlog import Backlog, Message
from floorsense.mqtt_client import new_client, probe, refusal, words
from floorsense.topic_filter import fault_of_filter

_LOG = logging.getLogger(__name__)
_OPEN_S = 5
_KEEPALIVE_S = 15
# A broker that is back is found within some seconds; several ingesters do not find it in the same instant.
_PAUSE_S = (0.5, 10.0)
# A connection that ends sooner is as good as none: the pause goes on growing.
_GOOD_S = 10.0
_READS_AT_ONCE = 200
# How long nothing is read for want of room: well below the keep-alive, for an answer to a ping waits unread as well. Who hangs
# up has what was under way sent again, so we do not for a pause of the storage's.
_HOLD_S = 8.0
# Marks that wait for their acknowledgement; beyond, the next round tells the newer state.
_MAX_MARKS = 1000


class Link:
    """``open`` once, ``close`` once; between them it connects again for as long as it takes.

    ``on_fresh`` is called when the broker knows nothing of us: a new session, so that retained messages may be gone too.
    """

    def __init__(
        self,
        url: BrokerUrl,
        topics: Sequence[str],
        name: str,
        backlog: Backlog,
        on_fresh: Callable[[], object],
        ca: str | None = None,
    ) -> None:
        for topic in topics:
            if fault := fault_of_filter(topic):
                raise UsageError(f"--topic {topic!r}: {fault}")
        self.url = url
        self.connects = 0
        self.received = 0
        # QoS 0 has no acknowledgement by which to ask for it again.
        self.dropped = 0
        self.overflows = 0
        self._topics = topics
        self._name = name
        self._backlog = backlog
        self._on_fresh = on_fresh
        self._fault: str | None = "not connected yet"
        self._answered = Event()
        self._reading = True
        self._closing = False
        self._overflowed = False
        self._connected_at = 0.0
        # What is to be said: acknowledgements by connection, and marks.
        self._acks: deque[tuple[int, int]] = deque()
        self._marks: deque[tuple[str, bytes]] = deque()
        self._bell, self._ear = socket.socketpair()
        self._bell.setblocking(False)
        self._ear.setblocking(False)
        self._client = client = new_client(url, name, ca=ca, keep=True)
        client.connect_timeout = _OPEN_S
        client.max_queued_messages_set(_MAX_MARKS)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        self._thread = Thread(target=self._work, name="link", daemon=True)

    def open(self, patient: bool = False) -> None:
        """Begin. Raises BrokerError where the broker is not there or lets us not in; ``patient``: waits for it instead."""
        self._thread.start()
        self._answered.wait(3 * _OPEN_S)
        if self._fault and not patient:
            fault = self._fault
            self.close()
            raise BrokerError(f"broker {self.url}: {fault}")

    def word(self) -> str:
        """ok, or why not, as health tells it."""
        return self._fault or "ok"

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """They are stored. What came on an earlier connection comes again, and is known by its identity."""
        if acks := [(message.connection, message.mid) for message in messages if message.qos]:
            self._acks.extend(acks)
            self._ring()

    def publish(self, topic: str, payload: bytes) -> None:
        """Retained, once the connection is there; without one it is forgotten."""
        self._marks.append((topic, payload))
        self._ring()

    def stop_reading(self) -> None:
        """Take no more messages, and go on acknowledging."""
        self._reading = False
        self._ring()

    def close(self) -> None:
        """Send what waits to be sent, and say goodbye. The broker keeps the session."""
        self._closing = True
        self._ring()
        self._thread.join(2 * _OPEN_S)
        self._bell.close()
        self._ear.close()

    # ---- in the link's thread

    def _work(self) -> None:
        pause = _PAUSE_S[0]
        while not self._closing:
            if self._overflowed and not self._backlog.has_room_again():
                time.sleep(0.05)
                continue
            self._overflowed = False
            began = time.monotonic()
            if self._connect():
                self._serve()
            if self._connected_at and time.monotonic() - max(began, self._connected_at) > _GOOD_S:
                pause = _PAUSE_S[0]
            if self._closing or self._overflowed:
                continue
            self._sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _PAUSE_S[1])

    def _connect(self) -> bool:
        self._connected_at = 0.0
        try:
            self._client.connect(self.url.host, self.url.port, keepalive=_KEEPALIVE_S)
        except (OSError, ValueError) as error:
            self._say(words(error, self.url))
            return False
        return True

    def _serve(self) -> None:
        """Read, write and wait until the connection ends."""
        began = time.monotonic()
        held_since: float | None = None
        while (sock := self._client.socket()) is not None:
            if not self._connected_at and time.monotonic() - began > _OPEN_S:
                self._say(probe(self.url) or f"it took the connection and said nothing for {_OPEN_S} s")
                self._client.disconnect()
                return
            if self._closing and not self._acks and not self._marks:
                self._client.disconnect()
                return
            if not (self._backlog.is_nearly_full() if held_since is None else not self._backlog.has_room_again()):
                held_since = None
            elif held_since is None:
                held_since = time.monotonic()
            elif time.monotonic() - held_since > _HOLD_S:
                self._overflow()
                return
            reading = (self._reading and held_since is None) or not self._connected_at
            waiting = self._client.want_write()
            hidden = reading and bool(getattr(sock, "pending", int)())
            # While nothing is read, nothing wakes us when there is room again.
            pause = 0 if hidden else 0.5 if held_since is None else 0.05
            ears = [self._ear, *([sock] if reading else [])]
            try:
                readable, writable, _ = select.select(ears, [sock] if waiting else [], [], pause)
            except (OSError, ValueError):
                # The socket was closed under us: paho has noticed, or will at once.
                readable, writable = [sock], []
            if self._ear in readable:
                self._ear.recv(4096)
            if (sock in readable or hidden) and not self._read():
                return
            if self._connected_at:
                self._send()
            if sock in writable and self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS or self._overflowed:
                return

    def _read(self) -> bool:
        """Packets that are there, as long as they are messages; paho reads one at a time. False at the connection's end."""
        for _ in range(_READS_AT_ONCE):
            before = self.received
            if self._client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return False
            if self._overflowed or self._backlog.is_nearly_full():
                return True
            if self.received == before:
                break
        return True

    def _send(self) -> None:
        while self._acks:
            connection, mid = self._acks.popleft()
            if connection == self.connects:
                self._client.ack(mid, 1)
        while self._marks:
            topic, payload = self._marks.popleft()
            self._client.publish(topic, payload, qos=1, retain=True)

    def _connected(self, client: paho.Client, _data: Any, flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._say(refusal(code))
            return
        self.connects += 1
        self._connected_at = time.monotonic()
        # What was to be said on an earlier connection.
        self._acks.clear()
        self._marks.clear()
        if flags.session_present and self.connects > 1:
            self._say(None)
            return
        # Once a process even where the broker has kept the session: what is subscribed may be another filter now.
        client.subscribe([(topic, 1) for topic in self._topics])
        if not flags.session_present:
            self._on_fresh()

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = ", ".join(topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure)
        self._say(f"it refused the subscription to {refused}; its access rules must allow it" if refused else None)

    def _disconnected(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if self._closing or self._overflowed:
            return
        if not self._connected_at:
            if code.is_failure and (self._fault is None or not self._answered.is_set()):
                self._say(probe(self.url) or "it closed the connection without a word")
        elif time.monotonic() - self._connected_at < 1:
            self._say(f"it closed the connection at once; is another ingester running as {self._name}?")
        else:
            self._say("it went away")

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self.received += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = "\N{REPLACEMENT CHARACTER}"
        mine = Message(self.connects, message.mid, message.qos, topic, bytes(message.payload), int(time.time() * 1000))
        if self._backlog.put(mine):
            return
        if not message.qos:
            self.dropped += 1
            return
        self._overflow()

    def _overflow(self) -> None:
        """Hang up until there is room. What is not acknowledged comes again; until then the broker keeps what follows."""
        self._overflowed = True
        self.overflows += 1
        self._client.disconnect()

    def _say(self, fault: str | None) -> None:
        if fault != self._fault and (self._answered.is_set() or fault is None):
            if fault:
                _LOG.warning("broker %s: %s; trying again", self.url, fault)
            else:
                _LOG.info("broker %s: connected as %s", self.url, self._name)
        self._fault = fault
        self._answered.set()

    def _sleep(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not self._closing and (left := end - time.monotonic()) > 0:
            if select.select([self._ear], [], [], left)[0]:
                self._ear.recv(4096)

    def _ring(self) -> None:
        try:
            self._bell.send(b"\0")
        except (BlockingIOError, OSError):
            # Full: it will be heard. Closed: there is nobody to hear it.
            return
