"""The MQTT session: join the network, dial, greet, serve, rest. One step at a time, none of which waits.

The time limits, in order: a join may take 20 s; a dial 10 s; a greeting 5 s, over TLS 20 s with its handshake; silence of a
fifth of the keep-alive brings a PINGREQ, as does half of it since the last one, and a second fifth without any packet ends the
connection; an acknowledgement may take half the keep-alive; a clean stop 2 s in all. So a board with a keep-alive of 10 s is
heard again 5 s after its link went dead.
"""

from micropython import const

from ..clock import ticks_add, ticks_diff
from ..startup import forget
from . import client as mqtt
from .delivery import BURST, Delivery
from .trouble import Trouble

REST = "rest"
JOIN = "join"
DIAL = "dial"
GREET = "greet"
SERVE = "serve"
STOPPED = "stopped"

_JOIN_LIMIT = const(20000)
DIAL_LIMIT = const(10000)
GREET_LIMIT = 5000
# With a TLS handshake, which takes a small board's arithmetic 1 to 3 s.
SECURE_GREET_LIMIT = 20000
STOP_LIMIT = 2000
# A session that lasted this long, and as long as the next wait could be, was a good one: the next trouble starts with the
# first window again. Two boards with one client id, who throw each other out, therefore never start over.
_SETTLED = const(10000)
# The broker took us in and dropped us: rest at least this long, or two boards with one client id throw each other out
# several times a second.
DROPPED_FLOOR = 1000
# So many short sessions in a row smell of a second board with the same client id.
_SUSPECT = const(3)
# Credentials do not become right by themselves, nor does a broker that is another become ours. A date may, at any moment.
REFUSED_FLOOR = const(30000)
_STUBBORN = (
    "client-id-refused",
    "bad-credentials",
    "not-authorised",
    "tls-untrusted",
    "tls-name",
    "tls-client-certificate",
    "tls-files",
)
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
    """

    def __init__(self, client, inflight, backoff, outbox, clock, link, dial, status, log, greet_limit=GREET_LIMIT):
        super().__init__(client, inflight, outbox, clock, status)
        client.log = log
        self.state = REST
        self.reason = None
        self.trouble = None
        self.connects = 0
        # Whether the broker still had this client's session at the latest connect.
        self.is_present = False
        self._backoff = backoff
        self._link = link
        self._dial = dial
        self._log = log
        self._greet_limit = greet_limit
        self._dialling = None
        self._until = None
        self._since = 0
        self._heard = 0
        self._ping = None
        self._pinged = 0
        # Whether more may be at hand than the last step took.
        self._is_behind = False
        self._short = 0
        # Packet ids start anew with a boot, and a broker may hold some of an earlier boot's QoS 2 messages: it would take ours
        # for repetitions of those, and lose them. So a session that is there at a boot's first greeting is cleared.
        self._is_first = any(one.qos == 2 for one in outbox.series)
        self._clears = False
        # Time without a served connection, in ms: all but the present span, and since when that lasts.
        self._down_ms = 0
        self._down_at = 0
        self._stopping = None
        self._fifth = max(client.keepalive * 200, 400)
        self._half = client.keepalive * 500

    def subscribe(self, topic, qos, take):
        """Have ``take(topic, message)``, both bytes, called for each message on ``topic`` (bytes), a filter.

        The board is subscribed on each connection whose broker does not know it yet. A message may come twice at QoS 1; at
        QoS 2 it comes once while the broker keeps its session and the board runs.
        """
        self.client.listen().subscribe(topic, qos, take)

    def downtime_ms(self, now):
        """Milliseconds since the board's start without a connection that the broker had accepted."""
        return self._down_ms + (0 if self.state == SERVE else self._clock.up(now) - self._down_at)

    def step(self, now):
        """Do what can be done now without waiting."""
        if self.state == STOPPED:
            return
        if self._stopping is not None and (self.state != SERVE or self._is_past(self._stopping, now)):
            self._close()
            self.state = STOPPED
            return
        try:
            if self.state == SERVE:
                self._serve(now)
            elif self.state == REST:
                self._rest(now)
            elif self.state == JOIN:
                self._join(now)
            elif self.state == DIAL:
                self._dial_on(now)
            else:
                self._greet(now)
        except OSError as error:
            self._fail(now, *self._diagnose("tell", error))

    def stop(self, now):
        """Begin a clean stop: what waits is sent, then the last word. ``state`` becomes STOPPED within STOP_LIMIT."""
        if self._stopping is None:
            self._stopping = ticks_add(now, STOP_LIMIT)
            self.finish()

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
        if self.state == REST:
            return self._left(self._until, now)
        # What waits to be written on the way to being served has no event either.
        return _POLL if self.state != GREET or self._stream.gathered else self._left(self._until, now)

    # The states.

    def _rest(self, now):
        if self._until is not None and not self._is_past(self._until, now):
            return
        if self._link.is_up():
            self._begin_dial(now)
            return
        self._link.join()
        self._enter(JOIN, now, _JOIN_LIMIT)

    def _join(self, now):
        if self._link.joined():
            self._begin_dial(now)
        elif self._is_past(self._until, now):
            word, text = self._link.lacks()
            raise Trouble(word, "no network within %d s: %s" % (_JOIN_LIMIT // 1000, text))

    def _begin_dial(self, now):
        self._enter(DIAL, now, DIAL_LIMIT)
        self._dialling = self._dial()
        self._dial_on(now)

    def _dial_on(self, now):
        transport = self._dialling.poll()
        if transport is not None:
            self._dialling = None
            self._stream.open(transport)
            self.client.greet(self._clears)
            self._enter(GREET, now, self._greet_limit)
            self._stream.flush()
        elif self._is_past(self._until, now):
            raise Trouble("unreachable", "no connection within %d s" % (DIAL_LIMIT // 1000))

    def _greet(self, now):
        self._stream.flush()
        self._stream.fill()
        first = self._stream.first()
        if first is not None and first != mqtt.CONNACK:
            raise Trouble("not-mqtt", "no MQTT broker: it answered CONNECT with byte %#04x" % first)
        if self.client.wait_msg() is None:
            if self._is_past(self._until, now):
                what = "CONNECT did not get through" if self._stream.gathered else "no answer to CONNECT"
                raise Trouble("silent", "%s within %d s" % (what, self._greet_limit // 1000))
            return
        is_present, code = self.client.taken
        if code:
            self._fail(now, *self._diagnose("refusal", code))
            return
        if self._clears or (is_present and self._is_first):
            self._clears = not self._clears
            self._is_first = False
            self.client.bye()
            self._close()
            self._enter(REST, now, 0)
            return
        self._is_first = False
        self._down_ms = self.downtime_ms(now)
        self._enter(SERVE, now, 0)
        self._heard = self._since = self._pinged = now
        self._ping = None
        self.connects += 1
        self.reason = None
        self.is_present = bool(is_present)
        self.begin(self.is_present)
        if self.client.inbound is not None:
            self.client.inbound.begin(self.is_present)
        self._log("session: connected, %d in flight, %d waiting" % (len(self.inflight), len(self.outbox)))
        self._serve(now)

    def _serve(self, now):
        self._receive(now)
        self._watch(now)
        if self.client.inbound is not None:
            self.client.inbound.ask(self.inflight, now, self._half)
        self.send(now)
        if self._stopping is not None and self.is_finished():
            self.client.bye()
            self._close()
            self.state = STOPPED
            self._log("session: stopped cleanly")

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
                raise OSError(71, "a second CONNACK")
        self._is_behind = True

    def _watch(self, now):
        if self._ping is not None:
            if self._is_past(self._ping, now):
                raise Trouble("silent", "the broker fell silent")
        elif ticks_diff(now, self._heard) >= self._fifth or ticks_diff(now, self._pinged) >= self._half:
            # Also to one who talks all the time: the broker counts what the board sends (section 3.1.2.10).
            self.client.ping()
            self._pinged = now
            self._ping = ticks_add(now, self._fifth)
        if self.is_overdue(now, self._half):
            raise Trouble("silent", "an acknowledgement did not come within half the keep-alive")

    # Ends.

    def _diagnose(self, what, wrong):
        """The word and the text of what is ``wrong``, by a module that goes again."""
        try:
            from . import diagnosis

            return getattr(diagnosis, what)(wrong)
        except MemoryError:
            return "no-memory", "no memory to say more than %s" % wrong
        finally:
            forget("mqtt.diagnosis")

    def _fail(self, now, word, reason):
        served = self.state == SERVE
        floor = REFUSED_FLOOR if word in _STUBBORN else 0
        if served:
            self._down_at = self._clock.up(now)
            if word != "silent":
                floor = DROPPED_FLOOR
            if ticks_diff(now, self._since) >= max(_SETTLED, self._backoff.window):
                self._backoff.reset()
                self._short = 0
            else:
                self._short += 1
                if self._short >= _SUSPECT:
                    reason += " soon after connecting, %d times; has another board this client id?" % self._short
        wait = self._backoff.delay(floor)
        where = self.state
        self._close()
        self.reason = reason
        self.trouble = word
        self._enter(REST, now, wait)
        self._log("session: %s: %s; next try in %.1f s" % (where, reason, wait / 1000))

    def _close(self):
        if self._dialling is not None:
            self._dialling.close()
            self._dialling = None
        self._stream.close()
        self.end()

    def _enter(self, state, now, limit):
        self.state = state
        self._until = ticks_add(now, limit)

    def _is_past(self, deadline, now):
        return ticks_diff(now, deadline) >= 0

    def _left(self, deadline, now):
        return 0 if deadline is None else max(0, ticks_diff(deadline, now))
