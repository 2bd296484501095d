"""The MQTT session: join the network, dial, greet, serve, rest. One step at a time, none of which waits.

The time limits, in order: a join may take 20 s; a dial 10 s; a greeting 5 s, over TLS 20 s with its handshake; silence of a
fifth of the keep-alive brings a PINGREQ, as does half of it since the last one, and a second fifth without any packet ends the
connection; an acknowledgement may take half the keep-alive; a clean stop 2 s in all. So a board with a keep-alive of 10 s is
heard again 5 s after its link went dead.
"""

from micropython import const

from .. import forget
from ..ticks import ticks_add, ticks_diff
from . import client as mqtt
from .delivery import BURST, Delivery
from .inflight import PID, SINCE
from .stream import EPROTO
from .trouble import Trouble

REST = "rest"
JOIN = "join"
DIAL = "dial"
GREET = "greet"
SERVE = "serve"
STOPPED = "stopped"

_JOIN_LIMIT = const(20000)
DIAL_LIMIT = const(10000)
GREET_LIMIT = const(5000)
# With a TLS handshake, which takes a small board's arithmetic 1 to 3 s.
SECURE_GREET_LIMIT = const(20000)
STOP_LIMIT = const(2000)
# A session that lasted this long, and as long as the next wait could be, was a good one: the next trouble starts with the
# first window again. Two boards with one client id, who throw each other out, therefore never start over.
_SETTLED = const(10000)
# What went wrong cannot be said: it may be two boards with one client id, who would throw each other out all the time.
_BLIND_FLOOR = const(1000)
# Joining and dialling have no event that wakes the loop everywhere; looking this often costs little.
_POLL = const(20)


class Session(Delivery):
    """Moves readings from the outbox through the in-flight window to the broker.

    - ``client``, ``inflight``, ``backoff``: as their modules say; ``outbox``, ``clock`` likewise.
    - ``link``: ``join()``; ``joined() -> bool``, raising OSError with the reason when joining failed;
      ``lacks() -> (word, text)``, what a join that takes too long waits for; ``is_up()``.
    - ``dial()``: begins a connection; what it returns has ``poll() -> transport or None``, raising OSError with the
      reason, and ``close()``.
    - ``status``: ``topic`` (bytes), ``birth(now)`` and ``last_word(now)`` (payload bytes).
    - ``log(text)``: one line for a person.
    - ``greet_limit``: ms from the dialled connection to CONNACK, a TLS handshake included.

    ``trouble`` is the word (``trouble`` says which there are) of the latest failure since the start, or None; it stays when the
    session is up again, for the birth and the health message to tell. ``reason`` is the same in words, and None while serving.
    ``short``: how many sessions in a row did not last.
    """

    def __init__(self, client, inflight, backoff, outbox, clock, link, dial, status, log, greet_limit=GREET_LIMIT):
        super().__init__(client, inflight, outbox, status)
        client.log = log
        self.state = REST
        self.reason = None
        self.trouble = None
        self.connects = 0
        self.short = 0
        # Whether the broker still had this client's session at the latest connect.
        self.is_present = False
        self._greet_limit = greet_limit
        self.link = link
        self._clock = clock
        self._backoff = backoff
        self._dial = dial
        self._dialling = None
        # By when the rest, the join, the dial or the greeting is over, and how many ms it may take.
        self._until = None
        self.limit = 0
        self._since = 0
        self._heard = 0
        # By when a PINGREQ is to be answered, or None; and when the last one was written.
        self._ping = None
        self._pinged = 0
        # Whether more may be at hand than the last step took.
        self._is_behind = False
        # Packet ids start anew with a boot, and a broker may hold some of an earlier boot's QoS 2 messages: it would take ours
        # for repetitions of those, and lose them. So a session that is there at a boot's first greeting is cleared.
        self._is_first = any(one.qos == 2 for one in outbox.series)
        self._clears = False
        # Time without a served connection, in ms: all but the present span, and since when that lasts.
        self._down_ms = 0
        self._down_at = 0
        self._fifth = max(client.keepalive * 200, 400)
        self._half = client.keepalive * 500

    def subscribe(self, topic, qos, take):
        """Have ``take(topic, message, is_retained)``, as ``inbound.Subscription`` has it, called for each message on ``topic``
        (bytes), a filter.

        The board is subscribed on each connection whose broker does not know it yet. A message may come twice at QoS 1; at
        QoS 2 it comes once while the broker keeps its session and the board runs.
        """
        self.client.listen().subscribe(topic, qos, take)

    def downtime_ms(self, now):
        """Milliseconds since the board's start without a connection that the broker had accepted."""
        return self._down_ms + (0 if self.state == SERVE else self._clock.up(now) - self._down_at)

    def step(self, now):
        """Do what can be done now without waiting."""
        state = self.state
        if state == STOPPED:
            return
        if self._stopping is not None and (state != SERVE or not self._left(self._stopping, now)):
            self._close()
            self.state = STOPPED
            return
        try:
            if state == SERVE:
                self._serve(now)
                return
            if state == REST:
                self._rest(now)
                return
            if state == GREET:
                self._greet(now)
            elif state == DIAL or self.link.joined():
                self._dial_on(now)
            if self.state == state and not self._left(self._until, now):
                raise Trouble("late")
        except OSError as error:
            self._fail(now, error)

    def stop(self, now):
        """Begin a clean stop: what waits is sent, then the last word. ``state`` becomes STOPPED within STOP_LIMIT."""
        if self._stopping is None:
            self._stopping = ticks_add(now, STOP_LIMIT)

    def next(self, now):
        """Milliseconds until ``step`` is needed even if the network stays quiet."""
        if self.state == SERVE:
            if self._is_behind:
                return 0
            if self._stopping is not None or self.is_sendable():
                return _POLL if self._stream.gathered else 0
            return self._left(ticks_add(self._heard, self._fifth) if self._ping is None else self._ping, now)
        if self.state == STOPPED:
            return 0
        # Joining and dialling, and what waits to be written in the greeting, have no event either.
        is_polled = self.state in (JOIN, DIAL) or (self.state == GREET and self._stream.gathered)
        return _POLL if is_polled else self._left(self._until, now)

    # The states.

    def _rest(self, now):
        if self._left(self._until, now):
            return
        if self.link.is_up():
            self._dial_on(now)
            return
        self.link.join()
        self._enter(JOIN, now, _JOIN_LIMIT)

    def _dial_on(self, now):
        if self._dialling is None:
            self._enter(DIAL, now, DIAL_LIMIT)
            self._dialling = self._dial()
        transport = self._dialling.poll()
        if transport is not None:
            self._dialling = None
            self._stream.open(transport)
            self.client.greet(self._clears)
            self._enter(GREET, now, self._greet_limit)
            self._stream.flush()

    def _greet(self, now):
        client = self.client
        stream = self._stream
        stream.flush()
        stream.fill()
        first = stream.first()
        if first is not None and first != mqtt.CONNACK:
            raise Trouble("not-mqtt", first)
        if client.wait_msg() is None:
            return
        is_present, code = client.taken
        if code:
            raise Trouble("refusal", code)
        if self._clears or (is_present and self._is_first):
            self._clears = not self._clears
            self._is_first = False
            client.bye()
            self._close()
            self._enter(REST, now, 0)
            return
        self._is_first = False
        self._down_ms = self.downtime_ms(now)
        self.state = SERVE
        self._heard = self._since = self._pinged = now
        self._ping = None
        self.connects += 1
        self.reason = None
        self.is_present = bool(is_present)
        self.begin(self.is_present)
        if client.inbound is not None:
            client.inbound.begin(self.is_present)
        client.log("session: connected, %d in flight, %d waiting" % (len(self.inflight), len(self.outbox)))
        self._serve(now)

    def _serve(self, now):
        client = self.client
        self._receive(now)
        self._watch(now)
        if client.inbound is not None:
            client.inbound.ask(self.inflight, now, self._half)
        self.send(now)
        if self._stopping is not None and not len(self.inflight) and not self.is_sendable():
            client.bye()
            self._close()
            self.state = STOPPED
            client.log("session: stopped cleanly")

    # What a served connection does besides delivering.

    def _receive(self, now):
        client = self.client
        stream = self._stream
        self._is_behind = False
        for _ in range(BURST):
            kind = client.wait_msg()
            if kind is None:
                # A broker that takes nothing gets no further answers: what it is owed has a bound.
                if stream.gathered >= stream.gather or not stream.fill():
                    return
                self._heard = now
                self._ping = None
            elif kind in mqtt.ACKNOWLEDGEMENTS:
                self.acknowledge(kind, client.taken, now)
            elif kind == mqtt.CONNACK:
                # A second one.
                raise OSError(EPROTO, kind)
        self._is_behind = True

    def _watch(self, now):
        if self._ping is not None:
            if not self._left(self._ping, now):
                raise Trouble("late")
        elif ticks_diff(now, self._heard) >= self._fifth or ticks_diff(now, self._pinged) >= self._half:
            # Also to one who talks all the time: the broker counts what the board sends (section 3.1.2.10).
            self.client.ping()
            self._pinged = now
            self._ping = ticks_add(now, self._fifth)
        order = self.inflight.order
        if order and order[0][SINCE] is not None and ticks_diff(now, order[0][SINCE]) > self._half:
            raise Trouble("late", order[0][PID])

    # Ends.

    def _fail(self, now, error):
        where = self.state
        if where == SERVE:
            self._down_at = self._clock.up(now)
            self.short += 1
            if ticks_diff(now, self._since) >= max(_SETTLED, self._backoff.window):
                self._backoff.reset()
                self.short = 0
        try:
            from . import diagnosis

            word, text, floor = diagnosis.judge(self, error)
        except MemoryError:
            word, text, floor = "no-memory", "no memory to say more than %s" % error, _BLIND_FLOOR
        finally:
            forget("mqtt.diagnosis")
        wait = self._backoff.delay(floor)
        self._close()
        self.reason = text
        self.trouble = word
        self._enter(REST, now, wait)
        self.client.log("session: %s: %s; next try in %.1f s" % (where, text, wait / 1000))

    def _close(self):
        if self._dialling is not None:
            self._dialling.close()
            self._dialling = None
        self._stream.close()
        # What is unacknowledged waits for the next connection.
        self._writing = 0
        self.inflight.disconnected()

    def _enter(self, state, now, limit):
        self.state = state
        self.limit = limit
        self._until = ticks_add(now, limit)

    def _left(self, deadline, now):
        """Milliseconds until ``deadline``; none where it is past, or there is none."""
        return 0 if deadline is None else max(0, ticks_diff(deadline, now))
