"""umqtt.simple, made whole: every packet is written by it, and none of its calls waits.

umqtt.simple resolves, dials, writes CONNECT and waits for CONNACK in one call, waits for each PUBACK inside ``publish`` and
has no QoS 2 (``assert 0``). The subclass keeps what it writes and reads, and takes the waiting out:

- ``greet`` lets ``connect`` write its packet into our stream, which plays the dialled socket and the accepted greeting;
  the broker's real CONNACK comes through ``wait_msg``.
- ``publish`` hands umqtt.simple the packet id as the first two bytes of a QoS 0 payload, which is just where it stands in
  a QoS 1 or 2 packet (MQTT 3.1.1, section 3.3.2), and then sets QoS and DUP in the fixed header.
- ``wait_msg`` is called with a whole packet at hand, and answers what it was.

Works with 1.3.4 and with micropython-lib's 1.8.0. Strings go in as bytes: umqtt.simple counts the characters of a str.
"""

import umqtt.simple as wire

_EPROTO = 71

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
PUBREC = 0x50
PUBCOMP = 0x70
SUBACK = 0x90
PINGRESP = 0xD0


class _Greeting:
    """What umqtt.simple takes for the ``socket`` module, and for the socket it dials, while it writes CONNECT."""

    def __init__(self, stream):
        self.write = stream.write

    def socket(self, *_):
        return self

    def getaddrinfo(self, host, port, *_):
        return ((0, 0, 0, "", (host, port)),)

    def connect(self, _address):
        pass

    def setblocking(self, _on):
        pass

    def settimeout(self, _seconds):
        pass

    def read(self, _size):
        return b"\x20\x02\0\0"


def _ignore(_topic, _message):
    """A message of a subscription that an earlier life of this client id may have left at the broker."""


class Client(wire.MQTTClient):
    """One client id over one ``stream.Stream`` after another connection."""

    def __init__(self, stream, client_id, user=None, password=None, keepalive=60):
        """``client_id``, ``user``, ``password``: bytes. ``keepalive``: seconds, 1 to 65535."""
        if user is not None and password is None:
            password = b""
        super().__init__(client_id, "", 1883, user, password, keepalive)
        self.stream = stream
        self.sock = stream
        self.set_callback(_ignore)
        # Of the last packet that ``wait_msg`` took: a CONNACK's (session present, return code), else a packet id.
        self.taken = None

    def greet(self, clean_session):
        """Write CONNECT. The answer comes through ``wait_msg``."""
        socket = wire.socket
        wire.socket = _Greeting(self.stream)
        try:
            self.connect(clean_session)
        finally:
            wire.socket = socket
            self.sock = self.stream

    def publish(self, topic, msg, retain=False, qos=0, pid=0, dup=False):
        """Write PUBLISH, with the caller's packet id for QoS 1 and 2."""
        at = self.stream.tell()
        if qos:
            msg = bytes((pid >> 8, pid & 0xFF)) + msg
        super().publish(topic, msg, retain, 0)
        if qos:
            self.stream.amend(at, qos << 1 | (8 if dup else 0))

    def release(self, pid):
        """Write PUBREL, the second half of QoS 2."""
        self.stream.write(bytes((0x62, 2, pid >> 8, pid & 0xFF)))

    def ask_for(self, topics, pid):
        """Write SUBSCRIBE for ``topics``, a list of (topic, QoS). The broker's answer comes through ``wait_msg``."""
        body = bytearray((pid >> 8, pid & 0xFF))
        for topic, qos in topics:
            body += bytes((len(topic) >> 8, len(topic) & 0xFF)) + topic + bytes((qos,))
        length = len(body)
        head = b"\x82" + (bytes((length,)) if length < 128 else bytes((length & 0x7F | 0x80, length >> 7)))
        self.stream.write(head + body)

    def bye(self):
        """Write DISCONNECT, after which the broker drops the will."""
        self.stream.write(b"\xe0\0")

    def wait_msg(self):
        """Take the packet at hand. Returns its kind (first byte, flags cleared), or None when none is whole yet.

        Raises OSError for what no broker may send.
        """
        stream = self.stream
        first = stream.packet()
        if first is None:
            return None
        kind = first & 0xF0
        if kind == PUBLISH:
            self._take_publish(first)
        else:
            self.taken = self._take_short(kind)
        stream.finish()
        return kind

    def _take_publish(self, first):
        if first & 6 >= 4:
            # Nothing subscribes at QoS 2, and umqtt.simple has only `assert 0` for it.
            return
        try:
            super().wait_msg()
        except (AssertionError, IndexError, ValueError):
            raise OSError(_EPROTO, "broken message from the broker")

    def _take_short(self, kind):
        self.stream.read(1)
        length = self.stream.read(1)[0]
        if kind == PINGRESP:
            if length:
                raise OSError(_EPROTO, "broken PINGRESP")
            return None
        if kind not in (CONNACK, PUBACK, PUBREC, PUBCOMP):
            # A SUBACK or UNSUBACK nobody asked for changes nothing; anything else is no broker's to send.
            if kind in (SUBACK, 0xB0):
                return None
            raise OSError(_EPROTO, "unexpected packet %#x" % kind)
        if length != 2:
            raise OSError(_EPROTO, "broken acknowledgement")
        high, low = self.stream.read(2)
        return (high & 1, low) if kind == CONNACK else high << 8 | low
