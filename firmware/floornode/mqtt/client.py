"""umqtt.simple, made whole: every packet is written by it, and none of its calls waits.

umqtt.simple resolves, dials, writes CONNECT and waits for CONNACK in one call, waits for each PUBACK inside ``publish`` and
has no QoS 2 (``assert 0``). The subclass keeps what it writes and reads, and takes the waiting out:

- ``greet`` lets ``connect`` write its packet into our stream, which plays the dialled socket and the accepted greeting;
  the broker's real CONNACK comes through ``wait_msg``.
- ``send`` hands umqtt.simple the packet id as the first two bytes of a QoS 0 payload, which is just where it stands in
  a QoS 1 or 2 packet (MQTT 3.1.1, section 3.3.2), and then sets QoS and DUP in the fixed header.
- ``wait_msg`` is called with a whole packet at hand, and answers what it was. A QoS 2 message is shown to umqtt.simple as one
  of QoS 1, and the PUBACK it writes becomes the PUBREC it should be: they differ in one bit.

Works with 1.3.4 and with micropython-lib's 1.8.0. Strings go in as bytes: umqtt.simple counts the characters of a str.
"""

import umqtt.simple as wire

_EPROTO = 71

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
PUBREC = 0x50
PUBREL = 0x62
PUBCOMP = 0x70
SUBACK = 0x90
UNSUBACK = 0xB0
PINGRESP = 0xD0

ACKNOWLEDGEMENTS = (PUBACK, PUBREC, PUBCOMP)


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


class Client(wire.MQTTClient):
    """One client id over one ``stream.Stream`` after another connection."""

    def __init__(self, stream, client_id, user=None, password=None, keepalive=60):
        """``client_id``, ``user``, ``password``: bytes. ``keepalive``: seconds, 1 to 65535."""
        if user is not None and password is None:
            password = b""
        super().__init__(client_id, "", 1883, user, password, keepalive)
        self.stream = stream
        self.sock = stream
        # An ``inbound.Inbound`` once there is one: ``listen`` makes it.
        self.inbound = None
        self.log = print
        # Of the last packet that ``wait_msg`` took: a CONNACK's (session present, return code), a SUBACK's (packet id, code),
        # else a packet id or None.
        self.taken = None
        self.set_callback(self._take)

    def greet(self, clean_session):
        """Write CONNECT. The answer comes through ``wait_msg``."""
        socket = wire.socket
        wire.socket = _Greeting(self.stream)
        try:
            self.connect(clean_session)
        finally:
            wire.socket = socket
            self.sock = self.stream

    def send(self, topic, message, flags, pid):
        """Write PUBLISH with these flags (section 3.3.1), and the packet id ``pid`` where they have a QoS of 1 or 2."""
        if flags & 6:
            at = self.stream.tell()
            self.publish(topic, bytes((pid >> 8, pid & 0xFF)) + message)
            self.stream.amend(at, flags)
        else:
            self.publish(topic, message, flags)

    def release(self, pid):
        """Write PUBREL, the second half of QoS 2."""
        self.stream.write(bytes((PUBREL, 2, pid >> 8, pid & 0xFF)))

    def ask(self, filter, qos, pid):
        """Write SUBSCRIBE for one filter, or UNSUBSCRIBE where ``qos`` is None."""
        # umqtt.simple's own counts the length in one byte, and waits.
        size = len(filter) + (4 if qos is None else 5)
        head = bytearray((0xA2 if qos is None else 0x82,))
        while size > 0x7F:
            head.append(size & 0x7F | 0x80)
            size >>= 7
        head.append(size)
        self.stream.write(head + bytes((pid >> 8, pid & 0xFF)))
        self._send_str(filter)
        if qos is not None:
            self.stream.write(bytes((qos,)))

    def bye(self):
        """Write DISCONNECT, after which the broker drops the will."""
        self.stream.write(b"\xe0\0")

    def listen(self):
        """The ``Inbound`` of this client. Imported now: a board that is never spoken to does without it."""
        if self.inbound is None:
            from .inbound import Inbound

            self.inbound = Inbound(self.log)
        return self.inbound

    def wait_msg(self):
        """Take the packet at hand. Returns its kind (first byte; a PUBLISH's without flags), or None when none is whole yet.

        Raises OSError for what no broker may send.
        """
        stream = self.stream
        kind = stream.packet()
        if kind is None:
            drained = stream.drained()
            if drained is not None:
                self._refuse(*drained)
            return None
        if kind in ACKNOWLEDGEMENTS:
            self.taken = stream.word(2)
        elif kind & 0xF0 == PUBLISH:
            self._take_publish(kind)
            kind = PUBLISH
        else:
            self._take_rare(kind)
        stream.finish()
        return kind

    def _take_rare(self, kind):
        stream = self.stream
        self.taken = None
        if kind == CONNACK:
            answer = stream.word(2)
            if answer >= 0x200:
                raise OSError(_EPROTO, "broken CONNACK")
            self.taken = (answer >> 8, answer & 0xFF)
        elif kind == PINGRESP:
            stream.word(0)
        elif kind == PUBREL:
            pid = stream.word(2)
            if self.inbound is not None:
                self.inbound.release(pid)
            # Answered even when the id is unknown, or the broker would keep it for ever (section 4.3.3).
            stream.write(bytes((PUBCOMP, 2, pid >> 8, pid & 0xFF)))
        elif kind == UNSUBACK:
            self._answer(stream.word(2), None)
        elif kind == SUBACK:
            pid = stream.word(3)
            code = stream.last()
            if code not in (0, 1, 2, 0x80):
                raise OSError(_EPROTO, "broken SUBACK")
            self._answer(pid, code)
        else:
            raise OSError(_EPROTO, "unexpected packet %#x" % kind)

    def _refuse(self, first, pid):
        """Answer a message that was too large to be taken: or the broker would send it again on each connection."""
        self.log("session: a message from the broker was too large, and was let go")
        if pid is not None:
            self.stream.write(bytes((PUBACK if first & 2 else PUBREC, 2, pid >> 8, pid & 0xFF)))

    def _answer(self, pid, code):
        if self.inbound is not None:
            self.inbound.answer(pid, code)

    def _take_publish(self, first):
        qos = first >> 1 & 3
        stream = self.stream
        if qos == 3:
            raise OSError(_EPROTO, "broken message from the broker")
        at = stream.tell()
        try:
            if qos == 2:
                pid = stream.pid()
                if self.listen().is_new(pid):
                    stream.show_as(first & 0xFB | 2)
                    super().wait_msg()
                    stream.amend(at, PUBREC ^ PUBACK)
                else:
                    stream.write(bytes((PUBREC, 2, pid >> 8, pid & 0xFF)))
            else:
                super().wait_msg()
        except (AssertionError, IndexError, ValueError):
            raise OSError(_EPROTO, "broken message from the broker")

    def _take(self, topic, message):
        self.listen().take(topic, message)
