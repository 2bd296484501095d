"""umqtt.simple, made whole: every packet is written by it, and none of its calls waits.

umqtt.simple resolves, dials, writes CONNECT and waits for CONNACK in one call, waits for each PUBACK inside ``publish`` and
has no QoS 2 (``assert 0``). The subclass keeps what it writes and reads, and takes the waiting out:

- ``greet`` lets ``connect`` write its packet into our stream; a ``greeting.Greeting`` plays the dialled socket and the accepted
  greeting. The broker's real CONNACK comes through ``wait_msg``.
- ``send`` hands umqtt.simple the packet id as the first two bytes of a QoS 0 payload, which is just where it stands in
  a QoS 1 or 2 packet (MQTT 3.1.1, section 3.3.2), and then sets QoS and DUP in the fixed header.
- ``wait_msg`` is called with a whole packet at hand, and answers what it was. What is said to subscribers is ``inbound``'s.

Works with 1.3.4 and with micropython-lib's 1.8.0. Strings go in as bytes: umqtt.simple counts the characters of a str.
"""

import umqtt.simple as wire
from micropython import const

from .. import forget
from .stream import EPROTO

_ENOMEM = const(12)

CONNACK = 0x20
PUBACK = 0x40
PUBREC = 0x50
PUBREL = 0x62
PUBCOMP = 0x70
PINGRESP = 0xD0

ACKNOWLEDGEMENTS = (PUBACK, PUBREC, PUBCOMP)


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
        # Of the last packet that ``wait_msg`` took: a CONNACK's (session present, return code), an acknowledgement's packet id.
        self.taken = None

    def greet(self, clean_session):
        """Write CONNECT. The answer comes through ``wait_msg``."""
        socket = wire.socket
        try:
            from .greeting import Greeting

            wire.socket = Greeting(self.stream)
            self.connect(clean_session)
        except MemoryError:
            raise OSError(_ENOMEM)
        finally:
            wire.socket = socket
            self.sock = self.stream
            forget("mqtt.greeting")

    def send(self, topic, message, flags, pid):
        """Write PUBLISH with these flags (section 3.3.1), and the packet id ``pid`` where they have a QoS of 1 or 2."""
        if flags & 6:
            at = self.stream.gathered
            self.publish(topic, bytes((pid >> 8, pid & 0xFF)) + message)
            self.stream.tx[at] |= flags
        else:
            self.publish(topic, message, flags)

    def answer(self, kind, pid):
        """Write one of the packets that are all packet id: PUBACK, PUBREC, PUBREL, PUBCOMP."""
        self.stream.write(bytes((kind, 2, pid >> 8, pid & 0xFF)))

    def bye(self):
        """Send DISCONNECT, after which the broker drops the will."""
        self.stream.write(b"\xe0\0")
        self.stream.flush()

    def listen(self):
        """The ``Inbound`` of this client. Imported now: a board that is never spoken to does without it."""
        if self.inbound is None:
            try:
                from .inbound import Inbound

                self.inbound = Inbound(self)
            except MemoryError:
                raise OSError(_ENOMEM)
        return self.inbound

    def wait_msg(self):
        """Take the packet at hand. Returns its first byte, or None when none is whole yet.

        Raises OSError for what no broker may send.
        """
        stream = self.stream
        kind = stream.packet()
        if kind in ACKNOWLEDGEMENTS:
            self.taken = stream.word(2)
        elif kind is None:
            if stream.drained is not None:
                self.listen().refuse(stream)
        elif kind == CONNACK:
            said = stream.word(2)
            if said >= 0x200:
                raise OSError(EPROTO, kind)
            self.taken = (said >> 8, said & 0xFF)
        elif kind == PINGRESP:
            stream.word(0)
        else:
            self.listen().receive(kind)
        return kind

    def parse(self):
        """Have umqtt.simple read the PUBLISH at hand, call back with it, and acknowledge it."""
        super().wait_msg()
