"""Listening at a broker: paho-mqtt, with its failures told apart in words."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError

OnMessage = Callable[[str, bytes, int, bool, bool, float], None]
"""topic, payload, QoS, retain, dup, arrival as Unix time in ms."""

# QoS 2, so that each message arrives with the QoS it was published with.
_QOS = 2


class Listener:
    """A subscription at a broker, from ``open`` to ``close``; messages come in paho's thread, one at a time."""

    def __init__(self, url: BrokerUrl, topics: Sequence[str], on_message: OnMessage, ca: str | None = None) -> None:
        self.url = url
        # Spans of Unix ms in which nothing could be heard.
        self.deaf: list[tuple[float, float]] = []
        self._topics = topics
        self._on_message = on_message
        self._answered = threading.Event()
        self._fault: str | None = None
        self._lost_at: float | None = None
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        # Keeps what a burst brings until this process gets to it; acknowledgements go out as fast as they can be read.
        client.max_inflight_messages_set(0)
        client.reconnect_delay_set(1, 5)
        client.on_connect = self._connected
        client.on_subscribe = self._subscribed
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        if url.user is not None:
            client.username_pw_set(url.user, url.password())
        if url.tls:
            try:
                client.tls_set(ca_certs=ca)
            except (OSError, ssl.SSLError) as error:
                raise BrokerError(f"--ca {ca}: {error}; give a PEM file of the broker's CA") from error

    def open(self, timeout_s: float = 10) -> None:
        """Connect and subscribe. Raises BrokerError with the reason, within ``timeout_s`` or a little more."""
        self._client.connect_timeout = timeout_s
        try:
            self._client.connect(self.url.host, self.url.port, keepalive=30)
        except (OSError, ValueError) as error:
            raise BrokerError(f"broker {self.url}: {_words(error)}") from error
        self._client.loop_start()
        if not self._answered.wait(timeout_s):
            self.close()
            raise BrokerError(f"broker {self.url}: it took the connection and said nothing for {timeout_s:.0f} s")
        if self._fault:
            self.close()
            raise BrokerError(f"broker {self.url}: {self._fault}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def __enter__(self) -> "Listener":
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connected(self, client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if code.is_failure:
            self._answer(f"it refused us: {code.getName().lower()}")
            return
        if self._lost_at is not None:
            self.deaf.append((self._lost_at, time.time() * 1000))
            self._lost_at = None
        client.subscribe([(topic, _QOS) for topic in self._topics])

    def _subscribed(self, _client: paho.Client, _data: Any, _mid: int, codes: list[ReasonCode], _properties: Any) -> None:
        refused = [topic for topic, code in zip(self._topics, codes, strict=False) if code.is_failure]
        self._answer(f"it refused the subscription to {', '.join(refused)}; do its access rules allow it?" if refused else None)

    def _disconnected(self, _client: paho.Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        if not self._answered.is_set():
            self._answer(f"{self._probe()}" if code.is_failure else "it closed the connection")
        elif code != ReasonCode(PacketTypes.DISCONNECT, "Success") and self._lost_at is None:
            self._lost_at = time.time() * 1000

    def _message(self, _client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        self._on_message(message.topic, bytes(message.payload), message.qos, message.retain, message.dup, time.time() * 1000)

    def _answer(self, fault: str | None) -> None:
        if not self._answered.is_set():
            self._fault = fault
            self._answered.set()

    def _probe(self) -> str:
        """What it is that hung up on a CONNECT: asked once more, by hand."""
        try:
            with socket.create_connection((self.url.host, self.url.port), timeout=2) as plain:
                plain.sendall(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02fs")
                plain.settimeout(2)
                said = plain.recv(40)
        except OSError:
            said = b""
        if said and said[0] != 0x20:
            return f"no MQTT broker; it answered {said.splitlines()[0][:30]!r}"
        return "it closed the connection without a word; a port for TLS, or no MQTT broker?"


def _words(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS there: {error.reason or error}"
    if isinstance(error, socket.gaierror):
        return "no such host name"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is a broker running there?"
    if isinstance(error, TimeoutError):
        return "no answer; wrong address, or a firewall between?"
    return str(error)
