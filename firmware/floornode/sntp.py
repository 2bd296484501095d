"""Time of day from an SNTP server (RFC 4330; NTP's packets are those of RFC 5905), without ever waiting for it.

One question is under way at a time; what is not its answer is let pass. The limits, in order: an answer may take 2 s; after
a failure the next question comes after 1 s plus a uniform part of a window that begins at 4 s and doubles up to the
interval; after a success, after the interval and up to a sixteenth of it more, so that a fleet does not ask in one voice.
"""

import struct

from micropython import const

from .mqtt.backoff import Backoff
from .ticks import ticks_add, ticks_diff

ANSWER_LIMIT = 2000
_RETRY_FLOOR = const(1000)
_RETRY_WINDOW = const(4000)
# How long a server that sent us away (DENY, RSTR) is left in peace; and the longest interval that RATE leads to.
_DAY = const(86400000)
# The network's coming has no event that wakes the loop.
_POLL = const(1000)
# What one step takes in: the socket may hold a stranger's packets before the answer.
_BURST = const(4)

_SIZE = const(48)
# No leap warning, version 4, mode 3: client (RFC 5905, figure 8).
_CLIENT = const(0x23)
_SERVER = const(4)
_UNSYNCHRONISED = const(3)
_MAX_STRATUM = const(15)
# Root delay and dispersion, 16.16 seconds: with more than one, RFC 4330, section 5, takes a server for lost.
_MAX_ROOT = const(1 << 16)
# From 1900 to 1970. NTP's 32 bits begin again in February 2036: a second before 2024 is one of the next era.
_UNIX_EPOCH = const(2208988800)
_FIRST = const(1704067200)
# A server may seem to have held a packet longer than it was away, for both clocks count whole milliseconds.
_ROUNDING_MS = const(2)


class Sntp:
    """Keeps ``clock`` at the time of one server. ``reason`` says in words why the last question failed, None if it did not."""

    def __init__(self, clock, interval_ms, is_up, dial, ticks, uniform, tell, log):
        """
        - ``is_up()``: whether there is a network to ask through;
        - ``dial()``: a port's datagram socket to the server, or OSError(code, "text"); only the name look-up may wait;
        - ``ticks()``: the tick at this very moment; ``uniform(n)``: a random whole number from 0 to n;
        - ``tell(unix_ms)``: hears each time that was believed; ``log(text)``: one line for a person.
        """
        self.reason = None
        # Of the last answer, in ms: the time is off by half of it at the most. None before the first.
        self.round_trip = None
        self._clock = clock
        self._interval = interval_ms
        self._is_up = is_up
        self._dial = dial
        self._ticks = ticks
        self._uniform = uniform
        self._tell = tell
        self._log = log
        self._backoff = Backoff(_RETRY_WINDOW, interval_ms, uniform)
        self._socket = None
        self._nonce = None
        self._asked = 0
        # When the answer is overdue, or the next question due; None: as soon as there is a network.
        self._until = None

    def step(self, now):
        """Do what can be done now without waiting."""
        # Nearly always nothing.
        if self._socket is not None or self._until is None or ticks_diff(now, self._until) >= 0:
            self._go_on(now)

    def _go_on(self, now):
        try:
            if self._socket is not None:
                self._listen(now)
                return
            if self._until is not None and ticks_diff(now, self._until) >= 0:
                # Forgotten at once: ticks of long ago cannot be compared with.
                self._until = None
            if self._until is None and self._is_up():
                self._ask(now)
        except OSError as error:
            self._fail(now, str(error.args[1]) if len(error.args) > 1 else "error %s" % error.args[0])

    def next(self, now):
        """Milliseconds until ``step`` is needed even if no packet comes."""
        return _POLL if self._until is None else max(0, ticks_diff(self._until, now))

    def stop(self):
        """Let the socket go."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self, now):
        self._socket = self._dial()
        # The server gives back what we call our time: as it is random, a stranger's packet is no answer (RFC 5905,
        # section 8, test 2), and our time is nobody's business.
        self._nonce = struct.pack(">HHHH", *[self._uniform(65535) for _ in range(4)])
        question = bytearray(_SIZE)
        question[0] = _CLIENT
        question[40:] = self._nonce
        self._until = ticks_add(now, ANSWER_LIMIT)
        self._asked = self._ticks()
        self._socket.send(question)

    def _listen(self, now):
        for _ in range(_BURST):
            packet = self._socket.receive()
            if packet is None:
                break
            if len(packet) >= _SIZE and packet[0] & 7 == _SERVER and packet[24:32] == self._nonce:
                self._take(packet, self._ticks(), now)
                return
        if ticks_diff(now, self._until) >= 0:
            self._fail(now, "no answer within %d s" % (ANSWER_LIMIT // 1000))

    def _take(self, packet, heard, now):
        """The answer is here."""
        if packet[1] == 0:
            self._send_away(packet[12:16], now)
            return
        delay, dispersion = struct.unpack_from(">iI", packet, 4)
        if packet[0] >> 6 == _UNSYNCHRONISED or packet[1] > _MAX_STRATUM:
            raise OSError(71, "the server is not synchronised")
        if not -_MAX_ROOT <= delay <= _MAX_ROOT or dispersion > _MAX_ROOT:
            raise OSError(71, "the server is more than 1 s from its own source")
        received, sent = _unix_ms(packet, 32), _unix_ms(packet, 40)
        trip = ticks_diff(heard, self._asked) - (sent - received)
        if packet[40:48] == bytes(8) or sent < received or trip < -_ROUNDING_MS:
            raise OSError(71, "the server's times make no sense")
        self.round_trip = trip = max(0, trip)
        unix_ms = sent + trip // 2
        was_set = self._clock.source == "sntp"
        # The way there and the way back may have taken anything, in sum the round trip.
        moved = self._clock.set(unix_ms, heard, "sntp", trip - trip // 2)
        self._tell(unix_ms)
        if moved or not was_set or self.reason:
            self._log("time: set by the server, round trip %d ms%s" % (trip, ", moved by %d ms" % moved if moved else ""))
        self.reason = None
        self._backoff.reset()
        self._rest(now, self._interval + self._uniform(self._interval // 16))

    def _send_away(self, code, now):
        """A kiss of death (RFC 5905, section 7.4): the server wants less of us, or nothing.

        Other codes ask for nothing: stratum 0 with INIT or STEP is what ntpd says while it has no time itself.
        """
        word = "".join([chr(byte) for byte in code if 32 < byte < 127])
        if word == "RATE":
            self._interval = min(_DAY, self._interval * 2)
            wait = self._interval
        elif word in ("DENY", "RSTR"):
            wait = _DAY
        else:
            raise OSError(71, "the server is not synchronised" + (" (%s)" % word if word else ""))
        self._say("the server sent us away (%s)" % word, wait)
        self._rest(now, wait)

    def _fail(self, now, reason):
        wait = self._backoff.delay(_RETRY_FLOOR)
        self._say(reason, wait)
        self._rest(now, wait)

    def _say(self, reason, wait):
        # Once: an hour without an answer is no reason to fill a log.
        if reason != self.reason:
            self._log("time: %s; next try in %.1f s" % (reason, wait / 1000))
        self.reason = reason

    def _rest(self, now, wait):
        self.stop()
        self._until = ticks_add(now, wait)


def _unix_ms(packet, at):
    """The NTP timestamp at ``at`` as Unix milliseconds, by integers alone."""
    seconds, fraction = struct.unpack_from(">II", packet, at)
    seconds -= _UNIX_EPOCH
    if seconds < _FIRST:
        seconds += 1 << 32
    return seconds * 1000 + (fraction * 1000 >> 32)
