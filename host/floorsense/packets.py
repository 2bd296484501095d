"""MQTT 3.1.1 packets as bytes: cut out of a stream, looked into, and written. For whoever stands between or opposite.

Nothing here is a client's or a broker's: no state but the bytes of a packet that is not whole yet.
"""

from dataclasses import dataclass
from functools import cached_property

CONNECT = 0x10
CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
PUBREC = 0x50
PUBREL = 0x60
PUBCOMP = 0x70
SUBSCRIBE = 0x80
SUBACK = 0x90
UNSUBSCRIBE = 0xA0
UNSUBACK = 0xB0
PINGREQ = 0xC0
PINGRESP = 0xD0
DISCONNECT = 0xE0

_NAMES = {
    CONNECT: "CONNECT",
    CONNACK: "CONNACK",
    PUBLISH: "PUBLISH",
    PUBACK: "PUBACK",
    PUBREC: "PUBREC",
    PUBREL: "PUBREL",
    PUBCOMP: "PUBCOMP",
    SUBSCRIBE: "SUBSCRIBE",
    SUBACK: "SUBACK",
    UNSUBSCRIBE: "UNSUBSCRIBE",
    UNSUBACK: "UNSUBACK",
    PINGREQ: "PINGREQ",
    PINGRESP: "PINGRESP",
    DISCONNECT: "DISCONNECT",
}
# Sections 3.6.1, 3.8.1 and 3.10.1: these carry 2 in their flags, all others but PUBLISH carry 0.
_FLAGS = {PUBREL: 2, SUBSCRIBE: 2, UNSUBSCRIBE: 2}
_WITH_ID = (PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK)
_SHOWN_BYTES = 40


class NotMqttError(ValueError):
    """These bytes are no MQTT packet; the message says why."""


@dataclass(frozen=True)
class Packet:
    """One whole packet; ``data`` has all its bytes, ``at`` is where its variable header begins.

    What it carries is read when asked for, and raises NotMqttError where it is not there.
    """

    data: bytes
    at: int

    @property
    def kind(self) -> int:
        """The first byte without its flags: CONNECT to DISCONNECT."""
        return self.data[0] & 0xF0

    @property
    def name(self) -> str:
        return _NAMES.get(self.kind, f"packet {self.data[0]:#04x}")

    @property
    def qos(self) -> int:
        return self.data[0] >> 1 & 3 if self.kind == PUBLISH else 0

    @property
    def dup(self) -> bool:
        return self.kind == PUBLISH and bool(self.data[0] & 8)

    @property
    def retain(self) -> bool:
        return self.kind == PUBLISH and bool(self.data[0] & 1)

    @property
    def topic(self) -> bytes:
        """A PUBLISH's."""
        return self._field(self.at)[0]

    @property
    def pid(self) -> int:
        """The packet id; 0 where the packet has none."""
        if self.kind == PUBLISH:
            return self._number(self._field(self.at)[1]) if self.qos else 0
        return self._number(self.at) if self.kind in _WITH_ID else 0

    @property
    def payload(self) -> bytes:
        """A PUBLISH's."""
        return self.data[self._field(self.at)[1] + (2 if self.qos else 0) :]

    @property
    def code(self) -> int:
        """A CONNACK's return code."""
        return self._number(self.at) & 0xFF

    @cached_property
    def connect(self) -> "Connect":
        """A CONNECT's contents."""
        return Connect.read(self)

    def filters(self) -> list[bytes]:
        """The topic filters of a SUBSCRIBE."""
        found = []
        at = self.at + 2
        while at < len(self.data):
            name, at = self._field(at)
            found.append(name)
            at += 1
        return found

    def grants(self) -> bytes:
        """The codes of a SUBACK that grants a SUBSCRIBE what it asks for."""
        found = bytearray()
        at = self.at + 2
        while at < len(self.data):
            _, at = self._field(at)
            found += self.data[at : at + 1]
            at += 1
        return bytes(found)

    def fault(self) -> str | None:
        """What MQTT 3.1.1 forbids about this packet, sent by a client; None where it is right."""
        if self.kind == PUBLISH:
            return self._fault_of_publish()
        if self.kind not in _NAMES or self.kind in (CONNACK, SUBACK, UNSUBACK, PINGRESP):
            return f"{self.name} is no client's to send"
        if self.data[0] & 0x0F != _FLAGS.get(self.kind, 0):
            return f"{self.name} with flags {self.data[0] & 0x0F:#x} (section 2.2.2)"
        try:
            if self.kind in _WITH_ID and self.pid == 0:
                return f"{self.name} with packet id 0 (section 2.3.1)"
            if self.kind == CONNECT:
                return self.connect.fault()
        except NotMqttError as error:
            return str(error)
        return None

    def _fault_of_publish(self) -> str | None:
        try:
            if self.qos == 3:
                return "PUBLISH with QoS 3 (section 3.3.1.2)"
            if self.qos and self.pid == 0:
                return "PUBLISH with packet id 0 (section 2.3.1)"
            if self.dup and not self.qos:
                return "PUBLISH with DUP at QoS 0 (section 3.3.1.1)"
            topic = self.topic.decode()
        except NotMqttError as error:
            return str(error)
        except UnicodeDecodeError:
            return "a topic that is not UTF-8 (section 1.5.3)"
        if not topic or "\0" in topic or "#" in topic or "+" in topic:
            return f"a topic that is none: {topic[:_SHOWN_BYTES]!r} (section 4.7)"
        return None

    def __str__(self) -> str:
        """For people: what it is, and what tells it from others of its kind."""
        try:
            if self.kind == PUBLISH:
                return self._words_of_publish()
            if self.kind == CONNECT:
                return f"CONNECT {self.connect}"
            if self.kind == CONNACK:
                return f"CONNACK {self.data[self.at] & 1}, {self.data[self.at + 1]}"
            return f"{self.name} {self.pid}" if self.kind in _WITH_ID else self.name
        except (NotMqttError, IndexError):
            return f"{self.name}, broken"

    def _words_of_publish(self) -> str:
        words = [f"PUBLISH QoS {self.qos}"]
        words += [f"id {self.pid}"] if self.qos else []
        words += [name for name, on in (("DUP", self.dup), ("retain", self.retain)) if on]
        return f"{' '.join(words)} {self.topic.decode(errors='replace')} ({len(self.payload)} bytes)"

    def hex(self) -> str:
        """Its bytes in hex, cut."""
        more = f" ... {len(self.data)} bytes" if len(self.data) > _SHOWN_BYTES else ""
        return self.data[:_SHOWN_BYTES].hex(" ") + more

    def _number(self, at: int) -> int:
        if at + 2 > len(self.data):
            raise NotMqttError(f"{self.name} ends too soon")
        return self.data[at] << 8 | self.data[at + 1]

    def _field(self, at: int) -> tuple[bytes, int]:
        """A string or binary field with its two bytes of length, and where it ends (section 1.5.3)."""
        end = at + 2 + self._number(at)
        if end > len(self.data):
            raise NotMqttError(f"{self.name} ends too soon")
        return self.data[at + 2 : end], end


@dataclass(frozen=True)
class Connect:
    """What a CONNECT says. ``will``: topic, payload, QoS, retain; ``password`` is only known to be there."""

    protocol: bytes
    level: int
    flags: int
    keepalive: int
    client_id: bytes
    will: tuple[bytes, bytes, int, bool] | None
    user: bytes | None
    has_password: bool

    @property
    def clean(self) -> bool:
        return bool(self.flags & 2)

    @classmethod
    def read(cls, packet: Packet) -> "Connect":
        protocol, at = packet._field(packet.at)
        level, flags = divmod(packet._number(at), 256)
        keepalive = packet._number(at + 2)
        client_id, at = packet._field(at + 4)
        will = user = None
        has_password = bool(flags & 0x40)
        if flags & 4:
            topic, at = packet._field(at)
            text, at = packet._field(at)
            will = topic, text, flags >> 3 & 3, bool(flags & 0x20)
        if flags & 0x80:
            user, at = packet._field(at)
        if has_password:
            at = packet._field(at)[1]
        if at != len(packet.data):
            raise NotMqttError(f"CONNECT has {len(packet.data) - at} bytes too many")
        return cls(protocol, level, flags, keepalive, client_id, will, user, has_password)

    def fault(self) -> str | None:
        """What section 3.1 forbids, or None."""
        if (self.protocol, self.level) != (b"MQTT", 4):
            return f"protocol {self.protocol!r} level {self.level}, where MQTT 3.1.1 is b'MQTT' level 4 (section 3.1.2)"
        if self.flags & 1:
            return "CONNECT with its reserved flag set (section 3.1.2.3)"
        if not self.will and self.flags & 0x38:
            return "CONNECT with a will's QoS or retain and no will (section 3.1.2.6)"
        if self.will and self.will[2] == 3:
            return "a will with QoS 3 (section 3.1.2.6)"
        if self.has_password and self.user is None:
            return "a password without a user (section 3.1.2.9)"
        if not self.client_id and not self.clean:
            return "no client id, and not a clean session (section 3.1.3.1)"
        try:
            for text in (self.client_id, self.user or b"", self.will[0] if self.will else b""):
                text.decode()
        except UnicodeDecodeError:
            return "a text in CONNECT is not UTF-8 (section 1.5.3)"
        return None

    def __str__(self) -> str:
        words = [self.client_id.decode(errors="replace") or "without an id", f"keep-alive {self.keepalive} s"]
        words.append("clean session" if self.clean else "kept session")
        if self.will:
            words.append(f"will on {self.will[0].decode(errors='replace')} QoS {self.will[2]}")
        return ", ".join(words)


class Splitter:
    """Bytes in as they come, whole packets out. ``limit``: bytes of the largest packet that is waited for."""

    def __init__(self, limit: int = 1 << 20) -> None:
        self._limit = limit
        self._rest = b""

    @property
    def rest(self) -> bytes:
        """What has come of a packet that is not whole."""
        return self._rest

    def take(self, data: bytes) -> list[Packet]:
        """The packets that ``data`` makes whole. Raises NotMqttError for a length that is none, or over the limit."""
        self._rest += data
        found = []
        while (size := self._size()) is not None:
            whole, at = size
            found.append(Packet(self._rest[:whole], at))
            self._rest = self._rest[whole:]
        return found

    def _size(self) -> tuple[int, int] | None:
        """The size of the packet at hand and where its variable header begins (section 2.2.3); None before it is whole."""
        length = 0
        for i, byte in enumerate(self._rest[1:5]):
            length |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                if length > self._limit:
                    raise NotMqttError(f"a packet of {length} bytes")
                return (2 + i + length, 2 + i) if len(self._rest) >= 2 + i + length else None
        if len(self._rest) >= 5:
            raise NotMqttError("a remaining length of more than four bytes (section 2.2.3)")
        return None


def packet(first: int, body: bytes = b"") -> bytes:
    """A packet of any kind."""
    length = len(body)
    head = bytearray((first,))
    while True:
        length, digit = divmod(length, 128)
        head.append(digit | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def connack(code: int = 0, session_present: bool = False) -> bytes:
    return packet(CONNACK, bytes((session_present, code)))


def acknowledgement(kind: int, pid: int) -> bytes:
    """PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK."""
    return packet(kind | _FLAGS.get(kind, 0), pid.to_bytes(2, "big"))


def suback(pid: int, codes: bytes) -> bytes:
    return packet(SUBACK, pid.to_bytes(2, "big") + codes)


def publish(topic: bytes, payload: bytes, qos: int = 0, pid: int = 0, retain: bool = False, dup: bool = False) -> bytes:
    body = text(topic) + (pid.to_bytes(2, "big") if qos else b"") + payload
    return packet(PUBLISH | dup << 3 | qos << 1 | retain, body)


def connect(client_id: bytes, keepalive: int, clean: bool) -> bytes:
    """A CONNECT without will and user."""
    return packet(CONNECT, text(b"MQTT") + bytes((4, clean << 1)) + keepalive.to_bytes(2, "big") + text(client_id))


def text(data: bytes) -> bytes:
    """A field with its length before it."""
    return len(data).to_bytes(2, "big") + data


def answer(said: Packet) -> bytes:
    """What a broker of good manners answers to a client's packet; nothing to some. CONNECT is not for it to answer."""
    if said.kind == PUBLISH and said.qos:
        return acknowledgement(PUBACK if said.qos == 1 else PUBREC, said.pid)
    if said.kind == PUBREL:
        return acknowledgement(PUBCOMP, said.pid)
    if said.kind == SUBSCRIBE:
        return suback(said.pid, said.grants())
    if said.kind == UNSUBSCRIBE:
        return acknowledgement(UNSUBACK, said.pid)
    return packet(PINGRESP) if said.kind == PINGREQ else b""
