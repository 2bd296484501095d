"""The socket that umqtt.simple is given: gathers what it writes, and serves what it reads from whole packets only.

umqtt.simple 1.3.4 writes a packet in up to six small pieces, which meet Nagle's algorithm and delayed acknowledgements
(44 ms a message), and reads byte by byte from a socket that it sets to blocking. Here the pieces of a packet leave in one
write, and nothing is read before a packet is complete: so no call waits, and none is left half done.
"""

from micropython import const

_EAGAIN = const(11)
_ECONNRESET = const(104)
_EPROTO = const(71)

# MQTT 3.1.1, section 2.2.3: a remaining length has at most four bytes.
_MAX_LENGTH_BYTES = const(4)
# What a PUBLISH has beside topic and payload at most: type, length, the topic's length and the packet id.
_OVERHEAD = const(9)
# What most packets from a broker fit into.
_RECEIVE = const(256)


class Stream:
    """Two buffers around a non-blocking transport.

    ``transport`` has ``readinto(buf) -> n, None (nothing yet) or 0 (closed)``, ``write(buf) -> n or None`` and ``close()``;
    MicroPython's non-blocking sockets are transports as they are. ``limit`` bytes is the largest packet taken in whole;
    a longer one is drained in steps, counted in ``oversized``, and never held. ``gather`` bytes are written at once.
    """

    def __init__(self, limit=1024, gather=512):
        self._transport = None
        self._limit = limit
        self._rx = bytearray(min(limit, _RECEIVE))
        self._rx_view = memoryview(self._rx)
        self._have = 0
        self._at = 0
        self._end = 0
        self._drain = 0
        self._drained = None
        self._gather = gather
        self._tx = bytearray(gather)
        self._tx_view = memoryview(self._tx)
        self._tx_used = 0
        self._tx_sent = 0
        self.oversized = 0
        self.received = 0
        self.sent = 0

    def open(self, transport):
        """Begin a connection over ``transport``; whatever an earlier one left is forgotten."""
        self._transport = transport
        self._have = self._at = self._end = self._drain = 0
        self._tx_used = self._tx_sent = 0
        self._drained = None

    def close(self):
        transport = self._transport
        self._transport = None
        if transport is not None:
            try:
                transport.close()
            except OSError:
                pass

    # What umqtt.simple calls.

    def write(self, data, size=-1):
        """Gather ``data``, or its first ``size`` bytes."""
        if size < 0:
            size = len(data)
        begin = self._tx_used
        end = begin + size
        if end > len(self._tx):
            self._grow(end)
        self._tx[begin:end] = data if size == len(data) else data[:size]
        self._tx_used = end
        return size

    def read(self, size):
        """The next ``size`` bytes of the packet in hand."""
        at = self._at
        if size < 0 or at + size > self._end:
            raise OSError(_EPROTO, "packet ends too soon")
        self._at = at + size
        return bytes(self._rx_view[at : at + size])

    def setblocking(self, _on):
        """umqtt.simple sets its socket to blocking inside ``wait_msg``; ours never blocks."""

    def settimeout(self, _seconds):
        """As ``setblocking``: umqtt.simple 1.4 and later set a limit while connecting."""

    # What the client calls.

    def tell(self):
        """Where in the gathering buffer the next packet begins."""
        return self._tx_used

    def amend(self, at, bits):
        """Set ``bits`` in the byte at ``at`` of what is gathered: QoS and DUP in the fixed header."""
        self._tx[at] |= bits

    def flush(self):
        """Hand what is gathered to the transport, as much as it takes. True when nothing is left."""
        sent = self._tx_sent
        used = self._tx_used
        while sent < used:
            if self._transport is None:
                raise OSError(_ECONNRESET, "not connected")
            try:
                taken = self._transport.write(self._tx_view[sent:used])
            except OSError as error:
                if error.args and error.args[0] == _EAGAIN:
                    return False
                raise
            if not taken:
                return False
            sent += taken
            self._tx_sent = sent
            self.sent += taken
        self._tx_used = self._tx_sent = 0
        return True

    def has_room(self, size):
        """Whether a PUBLISH of ``size`` bytes of topic and payload can be gathered with what is."""
        return not self._tx_used or self._tx_used + size + _OVERHEAD <= self._gather

    def end(self):
        """Where in all that is sent over all connections the last byte gathered is: it is handed over once ``sent`` is that."""
        return self.sent + self._tx_used - self._tx_sent

    def is_flushed(self):
        """Whether nothing gathered is waiting for the transport."""
        return self._tx_used == 0

    def is_full(self):
        """Whether so much waits for the transport that no further answer should be added."""
        return self._tx_used >= self._gather

    def fill(self):
        """Take in what the transport has. True when bytes came; OSError when the other side has closed."""
        if self._transport is None:
            raise OSError(_ECONNRESET, "not connected")
        if self._at:
            left = self._have - self._at
            if left:
                self._rx[:left] = self._rx[self._at : self._have]
            self._have = left
            self._at = 0
        if self._have == len(self._rx):
            return False
        try:
            count = self._transport.readinto(self._rx_view[self._have :] if self._have else self._rx)
        except OSError as error:
            if error.args and error.args[0] == _EAGAIN:
                return False
            raise
        if count is None:
            return False
        if count == 0:
            raise OSError(_ECONNRESET, "closed by the broker")
        self.received += count
        self._have += count
        return True

    def first(self):
        """The first byte at hand, of a packet whole or not, or None."""
        return self._rx[self._at] if self._have > self._at else None

    def packet(self):
        """The first byte of the packet at hand once all of it is here, else None.

        A packet over the limit is drained as its bytes come; then ``drained`` tells of it. OSError for a length that is none.
        """
        if self._drain and not self._drain_on():
            return None
        at = self._at
        have = self._have - at
        if have < 2:
            return None
        length = self._rx[at + 1]
        size = 2 + length
        if length > 0x7F:
            size = self._long(at, have)
        if size > have:
            if size > len(self._rx) and have == len(self._rx):
                if size > self._limit:
                    self._begin_drain(size)
                else:
                    self._widen()
            return None
        self._end = at + size
        return self._rx[at]

    def word(self, length):
        """The first two bytes of the packet at hand, as a number. OSError where its length is not ``length``."""
        rx = self._rx
        at = self._at
        if rx[at + 1] != length:
            raise OSError(_EPROTO, "broken packet of kind %#x" % rx[at])
        return rx[at + 2] << 8 | rx[at + 3] if length else 0

    def last(self):
        """The last byte of the packet at hand."""
        return self._rx[self._end - 1]

    def pid(self):
        """The packet id of the PUBLISH at hand, of which not more than the topic and the id need be here."""
        rx = self._rx
        at = self._at + 1
        while rx[at] > 0x7F:
            at += 1
        at += 3 + (rx[at + 1] << 8 | rx[at + 2])
        if at + 2 > self._end:
            raise OSError(_EPROTO, "packet ends too soon")
        return rx[at] << 8 | rx[at + 1]

    def show_as(self, first):
        """Have the packet at hand begin with ``first``."""
        self._rx[self._at] = first

    def drained(self):
        """Once for each drained packet: ``(first byte, packet id or None)``. Else None."""
        if self._drain:
            return None
        drained = self._drained
        self._drained = None
        return drained

    def finish(self):
        """Let the packet at hand go, however much of it was read: the next one begins where its length says."""
        self._at = self._end

    def _long(self, at, have):
        """The size of a packet whose length has more than one byte; more than what is here where that is not known yet."""
        length = self._rx[at + 1] & 0x7F
        for i in range(1, _MAX_LENGTH_BYTES):
            if have < 2 + i:
                return have + 1
            byte = self._rx[at + 1 + i]
            length |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                return 2 + i + length
        raise OSError(_EPROTO, "broken packet length")

    def _widen(self):
        """Rare: a packet of the storage's, or a command. The buffer grows once, to its limit, and stays grown."""
        wide = bytearray(self._limit)
        wide[: self._have] = self._rx_view[: self._have]
        self._rx = wide
        self._rx_view = memoryview(wide)

    def _begin_drain(self, size):
        """Let a packet go that fills the buffer and has no room in it."""
        first = self._rx[self._at]
        self._end = self._have
        try:
            pid = self.pid() if first & 0xF6 in (0x32, 0x34) else None
        except (OSError, IndexError):
            pid = None
        self.oversized += 1
        self._drained = (first, pid)
        self._drain = size - self._have
        self._at = self._have

    def _drain_on(self):
        """Let go what is here of the packet that is drained. True once all of it is gone."""
        gone = min(self._drain, self._have - self._at)
        self._at += gone
        self._drain -= gone
        return not self._drain

    def _grow(self, size):
        """Rare: a birth message with many sensors. It grows once, and stays grown."""
        grown = bytearray(size)
        grown[: self._tx_used] = self._tx_view[: self._tx_used]
        self._tx = grown
        self._tx_view = memoryview(grown)
