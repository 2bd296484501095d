"""A broker and its network, with moods: what it is up to is decided by whoever plays the weather."""

from floornode.ticks import ticks_add, ticks_diff

# How the network is.
FINE = "fine"
REFUSED = "refused"
SWALLOWED = "swallowed"


class Pipe:
    """One connection, as the board's transport. What the broker says comes after its delay, in pieces."""

    def __init__(self, broker):
        self._broker = broker
        self._inbox = b""
        # (when, bytes) on the way to the board.
        self.coming = []
        self.readable = b""
        self.is_closed = False
        self.is_broken = False
        self.is_mute = False
        self.has_greeted = False

    def write(self, data):
        if self.is_broken:
            raise OSError(104, "connection reset")
        broker = self._broker
        room = len(data)
        if broker.pieces and broker.chance.happens(20):
            room = broker.chance.below(room)
            broker.count("a write was split")
            if not room:
                return None
        if not self.is_mute:
            self._inbox += bytes(data[:room])
            self._parse()
        return room

    def readinto(self, buffer):
        if self.is_broken:
            raise OSError(104, "connection reset")
        if not self.readable:
            return None
        count = min(len(buffer), len(self.readable))
        if self._broker.pieces and count > 1:
            count = self._broker.chance.between(1, count)
            self._broker.count("a read was split")
        buffer[:count] = self.readable[:count]
        self.readable = self.readable[count:]
        return count

    def close(self):
        self.is_closed = self.is_broken = True
        # Nobody reads it any more, and a loop that is woken by it would not sleep.
        self.readable = b""

    def deliver(self, now):
        """Move what has arrived by now to where the board can read it."""
        coming = self.coming
        count = 0
        for at, _data in coming:
            if ticks_diff(now, at) < 0:
                break
            count += 1
        if count:
            self.readable += b"".join([data for _at, data in coming[:count]])
            del coming[:count]

    def _parse(self):
        data = self._inbox
        hear = self._broker.hear
        size = len(data)
        at = 0
        while size - at >= 2:
            length = data[at + 1]
            body = at + 2
            if length & 0x80:
                if size - at < 3:
                    break
                length = length & 0x7F | data[at + 2] << 7
                body += 1
            end = body + length
            if size < end:
                break
            hear(self, data[at], data[body:end])
            at = end
            if self.is_broken:
                return
        self._inbox = data[at:]


class FickleBroker:
    """The network that a board joins and dials, and the broker behind it. ``received(topic, payload, is_stored)`` is told once
    for each message that it took: at QoS 2 a repetition within the session is none. ``count(what)``: a fault had an effect."""

    def __init__(self, chance, received, count):
        self.chance = chance
        self.count = count
        self.now = 0
        self.state = FINE
        self.delay = 20
        self.pieces = False
        # Of a hundred: acknowledgements that never come, and ones for what was not stored.
        self.mute_acks = 0
        self.lies = 0
        self.refusal = 0
        self.pipe = None
        # The session: packet ids of QoS 2 that were received and not released. A strict broker: whatever comes with the id of
        # one of them is a repetition (section 4.3.3).
        self._pending = set()
        self._is_kept = False
        self.has_session = False
        # Whether the session is subscribed, to the one topic that there is; and what is retained there, (topic, payload).
        self._is_subscribed = False
        self._retained = None
        self._received = received
        self._dialled = None

    # The board's network.

    def join(self):
        pass

    def joined(self):
        return True

    def is_up(self):
        return True

    def dial(self):
        if self.state != FINE:
            self.count("the network " + self.state)
        if self.state == REFUSED:
            raise OSError(111, "refused the connection")
        self._dialled = ticks_add(self.now, self.delay)
        return self

    def poll(self):
        if self.state != FINE or ticks_diff(self.now, self._dialled) < 0:
            return None
        self.pipe = Pipe(self)
        return self.pipe

    def close(self):
        self._dialled = None

    # What the weather does.

    def turn(self, now):
        """Time has come to ``now``. Returns ms until something arrives, or None."""
        self.now = now
        pipe = self.pipe
        if pipe is None or pipe.is_closed or not pipe.coming:
            return None
        pipe.deliver(now)
        return max(0, ticks_diff(pipe.coming[0][0], now)) if pipe.coming else None

    def cut(self):
        """The connection is reset."""
        if self.pipe is not None:
            if not self.pipe.is_broken:
                self.count("reset")
            self.pipe.is_broken = True

    def mute(self):
        """The connection swallows everything from now on."""
        if self.pipe is not None:
            if not self.pipe.is_broken:
                self.count("silence")
            self.pipe.is_mute = True

    def forget(self):
        """The broker is killed: its sessions are gone."""
        self.cut()
        if self.has_session:
            self.count("a session was forgotten")
        self._pending.clear()
        self.has_session = self._is_subscribed = False

    def retain(self, topic, payload):
        """Somebody else publishes, retained, at QoS 0."""
        self._retained = topic, payload
        if self._is_subscribed and self.pipe is not None and not self.pipe.is_broken and not self.pipe.is_mute:
            self._pass_on(self.pipe, 0x30)

    # The broker.

    def hear(self, pipe, first, body):
        kind = first & 0xF0
        if kind == 0x30:
            self._publish(pipe, first, body)
        elif kind == 0x60:
            self._pending.discard(body)
            self._say(pipe, b"\x70\x02" + body)
        elif kind == 0x10:
            if self.refusal:
                self.count("a session was refused")
                self._say(pipe, bytes((0x20, 2, 0, self.refusal)))
            else:
                self._is_kept = not body[7] & 2
                if not self._is_kept:
                    self._pending.clear()
                    self._is_subscribed = False
                self._say(pipe, bytes((0x20, 2, self._is_kept and self.has_session, 0)))
                self.has_session = self._is_kept
        elif kind == 0x80:
            self._is_subscribed = True
            self._say(pipe, b"\x90\x03" + body[:2] + b"\0")
            if self._retained is not None:
                self._pass_on(pipe, 0x31)
        elif kind == 0xC0:
            self._say(pipe, b"\xd0\0")

    def _publish(self, pipe, first, body):
        qos = first >> 1 & 3
        length = body[0] << 8 | body[1]
        topic = body[2 : 2 + length]
        at = 2 + length
        if not qos:
            self._received(topic, body[at:], True)
            return
        pid = body[at : at + 2]
        is_stored = not self.lies or not self.chance.happens(self.lies)
        if not is_stored:
            self.count("acknowledged and not stored")
        if qos == 1 or pid not in self._pending:
            self._received(topic, body[at + 2 :], is_stored)
        if qos == 2:
            self._pending.add(pid)
        if self.mute_acks and self.chance.happens(self.mute_acks):
            self.count("an acknowledgement was lost")
            return
        self._say(pipe, (b"\x40\x02" if qos == 1 else b"\x50\x02") + pid)

    def _pass_on(self, pipe, first):
        topic, payload = self._retained
        body = bytes((len(topic) >> 8, len(topic) & 0xFF)) + topic + payload
        self._say(pipe, bytes((first, len(body) & 0x7F | 0x80, len(body) >> 7)) + body)

    def _say(self, pipe, data):
        at = ticks_add(self.now, self.delay)
        if self.delay >= 1000:
            self.count("an answer took a second")
        coming = pipe.coming
        if coming:
            # Acknowledgements in any order: but bytes of one connection never overtake each other.
            last = coming[-1][0]
            if ticks_diff(at, last) < 0:
                at = last
            if at == last and len(coming) > 1 and self.chance.happens(10):
                self.count("answers were swapped")
                coming.insert(-1, (at, data))
                return
        coming.append((at, data))
