"""The socket that umqtt.simple is given: gathers what it writes, and serves what it reads from whole packets only.

umqtt.simple 1.3.4 writes a packet in up to six small pieces, which meet Nagle's algorithm and delayed acknowledgements
(44 ms a message), and reads byte by byte from a socket that it sets to blocking. Here the pieces of a packet leave in one
write, and nothing is read before a packet is complete: so no call waits, and none is left half done.
"""

from micropython import const

_EAGAIN = const(11)
_ECONNRESET = const(104)
# The broker sent what none may send; behind the number stands the first byte of that packet, where it is known.
EPROTO = const(71)

# What most packets from a broker fit into.
_RECEIVE = const(256)


class Stream:
    """Two buffers around a non-blocking transport.

    ``transport`` has ``readinto(buf) -> n, None (nothing yet) or 0 (closed)``, ``write(buf) -> n or None`` and ``close()``;
    MicroPython's non-blocking sockets are transports as they are. ``limit`` bytes is the largest packet taken in whole;
    a longer one is drained in steps, counted in ``oversized``, and never held. ``gather`` bytes are written at once.

    For the client and the policy above it, which look at them for each packet:

    - ``tx``: what is to be sent, ``gathered`` bytes of it, of which the network has ``handed``; both are 0 once it has all;
    - ``rx``: what has come; the packet at hand begins at ``at``;
    - ``drained``: of a packet that was drained, ``(first byte, packet id or None)``, until somebody makes it None.
    """

    def __init__(self, limit=1024, gather=512):
        self.limit = limit
        self.gather = gather
        self.rx = bytearray(min(limit, _RECEIVE))
        self.tx = bytearray(gather)
        self.oversized = 0
        self.open(None)

    def open(self, transport):
        """Begin a connection over ``transport``; whatever an earlier one left is forgotten."""
        self._transport = transport
        self.at = self._end = self._have = self._drain = 0
        self.gathered = self.handed = 0
        self.drained = self._draining = None

    def close(self):
        transport = self._transport
        self._transport = None
        if transport is not None:
            try:
                transport.close()
            except OSError:
                pass

    # What umqtt.simple calls.

    def write(self, data, size=None):
        """Gather ``data``, or its first ``size`` bytes."""
        if size is None:
            size = len(data)
        else:
            data = data[:size]
        begin = self.gathered
        end = begin + size
        if end > self.gather and end > len(self.tx):
            # Rare: a birth message with many sensors. It grows once, and stays grown.
            self.tx.extend(bytes(end - len(self.tx)))
        self.tx[begin:end] = data
        self.gathered = end

    def read(self, size):
        """The next ``size`` bytes of the packet in hand."""
        at = self.at
        end = at + size
        if size < 0 or end > self._end:
            raise OSError(EPROTO)
        self.at = end
        return bytes(self.rx[at:end])

    def setblocking(self, _on):
        """umqtt.simple sets its socket to blocking inside ``wait_msg``; ours never blocks."""

    # What the client calls.

    def flush(self):
        """Hand what is gathered to the transport, as much as it takes. True when nothing is left."""
        used = self.gathered
        while self.handed < used:
            if self._transport is None:
                raise OSError(_ECONNRESET)
            try:
                taken = self._transport.write(memoryview(self.tx)[self.handed : used])
            except OSError as error:
                if error.args and error.args[0] == _EAGAIN:
                    return False
                raise
            if not taken:
                return False
            self.handed += taken
        self.gathered = self.handed = 0
        return True

    def fill(self):
        """Take in what the transport has, with no packet at hand. True when bytes came; OSError when the other side closed."""
        if self._transport is None:
            raise OSError(_ECONNRESET)
        rx = self.rx
        left = self._have
        if self._end:
            left -= self._end
            if left:
                rx[:left] = rx[self._end : self._have]
            self._have = left
            self.at = self._end = 0
        if left == len(rx):
            return False
        try:
            count = self._transport.readinto(memoryview(rx)[left:] if left else rx)
        except OSError as error:
            if error.args and error.args[0] == _EAGAIN:
                return False
            raise
        if count is None:
            return False
        if count == 0:
            raise OSError(_ECONNRESET, "closed by the broker")
        self._have += count
        return True

    def first(self):
        """The first byte that follows the packet at hand, of a packet that is whole or not, or None."""
        return self.rx[self._end] if self._have > self._end else None

    def packet(self):
        """Let the packet at hand go, and turn to the next: its first byte once all of it is here, else None.

        One that fills the buffer makes it wider, once; one over the limit is drained as its bytes come, and then ``drained``
        tells of it. OSError for a length that is none.
        """
        rx = self.rx
        if self._drain:
            gone = min(self._drain, self._have - self._end)
            self._drain -= gone
            self._end += gone
            if self._drain:
                return None
            self.drained = self._draining
        at = self.at = self._end
        have = self._have - at
        if have < 2:
            return None
        size = 2 + rx[at + 1]
        if size > 0x81:
            from . import large

            size = large.measure(rx, at, have)
        if size > have:
            if have == len(rx):
                if have < self.limit:
                    rx.extend(bytes(self.limit - have))
                    return None
                from . import large

                self.oversized += 1
                self._draining = large.identify(rx)
                self._drain = size - have
                self.at = self._end = have
            return None
        self._end = at + size
        return rx[at]

    def word(self, length):
        """The first two bytes of the packet at hand, as a number. OSError where its length is not ``length``."""
        rx = self.rx
        at = self.at
        if rx[at + 1] != length:
            raise OSError(EPROTO, rx[at])
        return rx[at + 2] << 8 | rx[at + 3] if length else 0
