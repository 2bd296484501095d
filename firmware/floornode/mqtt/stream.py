"""The socket that umqtt.simple is given: gathers what it writes, and serves what it reads from whole packets only.

umqtt.simple 1.3.4 writes a packet in up to six small pieces, which meet Nagle's algorithm and delayed acknowledgements
(44 ms a message), and reads byte by byte from a socket that it sets to blocking. Here the pieces of a packet leave in one
write, and nothing is read before a packet is complete: so no call waits, and none is left half done.
"""

_EAGAIN = 11
_ECONNRESET = 104
_EPROTO = 71

# MQTT 3.1.1, section 2.2.3: a remaining length has at most four bytes.
_MAX_LENGTH_BYTES = 4


class Stream:
    """Two buffers around a non-blocking transport.

    ``transport`` has ``readinto(buf) -> n, None (nothing yet) or 0 (closed)``, ``write(buf) -> n or None`` and ``close()``;
    MicroPython's non-blocking sockets are transports as they are. ``limit`` bytes is the largest packet taken in whole;
    a longer one is drained in steps, counted in ``oversized``, and never held.
    """

    def __init__(self, limit=1024, gather=512):
        self._transport = None
        self._rx = bytearray(limit)
        self._rx_view = memoryview(self._rx)
        self._have = 0
        self._at = 0
        self._end = 0
        self._drain = 0
        self._tx = bytearray(gather)
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
        end = self._tx_used + size
        if end > len(self._tx):
            # Rare: a birth message with many sensors. It grows once, and stays grown.
            self._tx.extend(bytes(end - len(self._tx)))
        self._tx[self._tx_used : end] = data if size == len(data) else data[:size]
        self._tx_used = end
        return size

    def read(self, size):
        """The next ``size`` bytes of the packet in hand."""
        if size < 0 or self._at + size > self._end:
            raise OSError(_EPROTO, "packet ends too soon")
        data = bytes(self._rx_view[self._at : self._at + size])
        self._at += size
        return data

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
        while self._tx_sent < self._tx_used:
            if self._transport is None:
                raise OSError(_ECONNRESET, "not connected")
            try:
                taken = self._transport.write(memoryview(self._tx)[self._tx_sent : self._tx_used])
            except OSError as error:
                if error.args and error.args[0] == _EAGAIN:
                    return False
                raise
            if not taken:
                return False
            self._tx_sent += taken
            self.sent += taken
        self._tx_used = self._tx_sent = 0
        return True

    def is_flushed(self):
        """Whether nothing gathered is waiting for the transport."""
        return self._tx_used == 0

    def fill(self):
        """Take in what the transport has. True when bytes came; OSError when the other side has closed."""
        if self._transport is None:
            raise OSError(_ECONNRESET, "not connected")
        if self._at:
            left = self._have - self._at
            self._rx[:left] = self._rx[self._at : self._have]
            self._have = left
            self._at = 0
        if self._have == len(self._rx):
            return False
        try:
            count = self._transport.readinto(self._rx_view[self._have :])
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

        A packet over the limit is drained as its bytes come. Raises OSError for a length that is none.
        """
        if self._drain:
            gone = min(self._drain, self._have - self._at)
            self._at += gone
            self._drain -= gone
            if self._drain:
                return None
        have = self._have - self._at
        length = 0
        for i in range(_MAX_LENGTH_BYTES):
            if have < 2 + i:
                return None
            byte = self._rx[self._at + 1 + i]
            length |= (byte & 0x7F) << (7 * i)
            if byte < 0x80:
                break
        else:
            raise OSError(_EPROTO, "broken packet length")
        size = 2 + i + length
        if size > len(self._rx):
            self.oversized += 1
            self._drain = size - have
            self._at = self._have
            return None
        if have < size:
            return None
        self._end = self._at + size
        return self._rx[self._at]

    def finish(self):
        """Let the packet at hand go, however much of it was read: the next one begins where its length says."""
        self._at = self._end
