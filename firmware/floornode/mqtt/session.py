"""The MQTT session: join the network, dial, greet, serve, rest. One step at a time, none of which waits.

The time limits, in order: a join may take 20 s; a dial 10 s; a greeting 5 s; silence of a quarter of the keep-alive brings a
PINGREQ, and a second quarter without any packet ends the connection, so a dead link is noticed by half the keep-alive; an
acknowledgement may take the keep-alive; a clean stop 2 s in all.
"""

from ..clock import ticks_add, ticks_diff
from ..contract.payload import encode
from ..outbox import unpack
from . import client as mqtt
from .inflight import PUBCOMP, PUBREC, WRITTEN

REST = "rest"
JOIN = "join"
DIAL = "dial"
GREET = "greet"
SERVE = "serve"
STOPPED = "stopped"

# What the status topic has heard on the present connection.
NOTHING = 0
BIRTH = 1
LAST_WORD = 2

JOIN_LIMIT = 20000
DIAL_LIMIT = 10000
GREET_LIMIT = 5000
STOP_LIMIT = 2000
# A session that lasted this long was a good one: the next trouble starts with the first window again.
SETTLED = 10000
# The broker took us in and dropped us: rest at least this long, or two boards with one client id throw each other out
# several times a second.
DROPPED_FLOOR = 1000
# Credentials do not become right by themselves.
REFUSED_FLOOR = 30000
# What one step sends or takes at most, so that sampling is never far away.
BURST = 32
# Joining and dialling have no event that wakes the loop everywhere; looking this often costs little.
POLL = 20

_REFUSALS = (
    None,
    "protocol version refused",
    "client id refused",
    "broker unavailable",
    "bad user name or password",
    "not authorised",
)


class Session:
    """Moves readings from the outbox through the in-flight window to the broker.

    - ``client``, ``inflight``, ``backoff``: as their modules say; ``outbox``, ``clock`` likewise.
    - ``link``: ``join()``; ``joined() -> bool``, raising OSError with the reason when joining failed; ``is_up()``.
    - ``dial()``: begins a connection; what it returns has ``poll() -> transport or None``, raising OSError with the
      reason, and ``close()``.
    - ``status``: ``topic`` (bytes), ``birth(now)`` and ``last_word(now)`` (payload bytes).
    - ``log(text)``: one line for a person.
    """

    def __init__(self, client, inflight, backoff, outbox, clock, link, dial, status, log):
        self.client = client
        self.inflight = inflight
        self.outbox = outbox
        self.state = REST
        # Why the last connection failed or ended, in words; None while all is well.
        self.reason = None
        # The same for machines: a word, or None.
        self.trouble = None
        self.connects = 0
        self.resent = 0
        self.replayed = 0
        self.delivered = 0
        self._stream = client.stream
        self._backoff = backoff
        self._clock = clock
        self._link = link
        self._dial = dial
        self._status = status
        self._log = log
        self._dialling = None
        self._until = None
        self._since = 0
        self._heard = 0
        self._ping = None
        self._said = NOTHING
        self._notes = []
        # The topics subscribed to, with their QoS, and whether the broker has said that it knows.
        self._topics = []
        self._is_subscribed = False
        # Time without a served connection, in ms: all but the present span, and since when that lasts.
        self._down_ms = 0
        self._down_at = 0
        self._stopping = None
        self._quarter = max(client.keepalive * 250, 500)
        self._steps = {REST: self._rest, JOIN: self._join, DIAL: self._dial_on, GREET: self._greet, SERVE: self._serve}

    def step(self, now):
        """Do what can be done now without waiting."""
        if self.state == STOPPED:
            return
        if self._stopping is not None and (self.state != SERVE or self._is_past(self._stopping, now)):
            self._close()
            self.state = STOPPED
            return
        try:
            self._steps[self.state](now)
        except OSError as error:
            self._fail(now, _words(error))

    def stop(self, now):
        """Begin a clean stop: what waits is sent, then the last word. ``state`` becomes STOPPED within STOP_LIMIT."""
        if self._stopping is None:
            self._stopping = ticks_add(now, STOP_LIMIT)

    def subscribe(self, topic, qos, take):
        """Have ``take(topic, message)``, both bytes, called for each message of the board's subscriptions; ``qos``: 0 or 1.

        On each connection to a broker that does not know it yet the board subscribes. A message may come twice.
        """
        self._topics.append((topic, qos))
        self.client.set_callback(take)

    def say(self, note):
        """Publish ``note`` on the present connection, or on the next one, ahead of readings: once, at QoS 1.

        It has ``topic`` (bytes), ``retain`` and ``text(now)``, the payload, which is asked for when it leaves. A note that is
        still waiting is not doubled; one that is lost with the link is not sent again, for a fresher one will follow.
        """
        if note not in self._notes:
            self._notes.append(note)

    def downtime_ms(self, now):
        """Milliseconds since the board's start without a connection that the broker had accepted."""
        return self._down_ms + (0 if self.state == SERVE else self._clock.up(now) - self._down_at)

    def next(self, now):
        """Milliseconds until ``step`` is needed even if the network stays quiet."""
        if self.state == STOPPED:
            return 0
        if self.state in (JOIN, DIAL):
            return POLL
        if self.state != SERVE:
            return self._left(self._until, now)
        if self._stopping is not None or self._is_sendable():
            return 0 if self._stream.is_flushed() else POLL
        if self._ping is not None:
            return self._left(self._ping, now)
        return self._left(ticks_add(self._heard, self._quarter), now)

    # The states.

    def _rest(self, now):
        if self._until is not None and not self._is_past(self._until, now):
            return
        if self._link.is_up():
            self._begin_dial(now)
            return
        self._link.join()
        self._enter(JOIN, now, JOIN_LIMIT)

    def _join(self, now):
        if self._link.joined():
            self._begin_dial(now)
        elif self._is_past(self._until, now):
            raise OSError(110, "no network within %d s" % (JOIN_LIMIT // 1000))

    def _begin_dial(self, now):
        self._enter(DIAL, now, DIAL_LIMIT)
        self._dialling = self._dial()
        self._dial_on(now)

    def _dial_on(self, now):
        transport = self._dialling.poll()
        if transport is not None:
            self._dialling = None
            self._stream.open(transport)
            self.client.greet(False)
            self._enter(GREET, now, GREET_LIMIT)
            self._stream.flush()
        elif self._is_past(self._until, now):
            raise OSError(110, "no connection within %d s" % (DIAL_LIMIT // 1000))

    def _greet(self, now):
        self._stream.flush()
        self._stream.fill()
        first = self._stream.first()
        if first is not None and first != mqtt.CONNACK:
            raise OSError(71, "no MQTT broker: it answered CONNECT with byte %#04x" % first)
        if self.client.wait_msg() is None:
            if self._is_past(self._until, now):
                raise OSError(110, "no answer to CONNECT within %d s" % (GREET_LIMIT // 1000))
            return
        code = self.client.taken[1]
        if code:
            text = _REFUSALS[code] if code < len(_REFUSALS) else "refused with code %d" % code
            self._fail(now, text, REFUSED_FLOOR if code in (2, 4, 5) else 0)
            return
        self._down_ms = self.downtime_ms(now)
        if self._topics and not (self.client.taken[0] and self._is_subscribed):
            self._is_subscribed = False
            self.client.ask_for(self._topics, self.inflight.next_pid())
        self._enter(SERVE, now, 0)
        self._heard = self._since = now
        self._ping = None
        self._said = NOTHING
        self.connects += 1
        self.reason = self.trouble = None
        self._log("session: connected, %d in flight, %d waiting" % (len(self.inflight), len(self.outbox)))
        self._serve(now)

    def _serve(self, now):
        self._receive(now)
        self._watch(now)
        if self._flush():
            self._send(now)
        if self._stopping is not None and not self._is_sendable() and not self.inflight.order:
            self.client.bye()
            self._stream.flush()
            self._close()
            self.state = STOPPED
            self._log("session: stopped cleanly")

    # What a served connection does.

    def _receive(self, now):
        for _ in range(BURST):
            kind = self.client.wait_msg()
            if kind is None:
                if not self._stream.fill():
                    return
                self._heard = now
                self._ping = None
                continue
            if kind in (mqtt.PUBACK, mqtt.PUBREC, mqtt.PUBCOMP):
                self._acknowledge(kind, self.client.taken, now)
            elif kind == mqtt.SUBACK:
                self._is_subscribed = True

    def _acknowledge(self, kind, pid, now):
        slot = self.inflight.find(pid)
        if kind == mqtt.PUBREC:
            # Answered even when the id is unknown, or the broker would keep it for ever (section 4.3.3).
            if slot is not None and slot.qos == 2:
                slot.state = PUBCOMP
                slot.since = now
            self.client.release(pid)
        elif slot is not None and slot.qos == (1 if kind == mqtt.PUBACK else 2):
            if kind == mqtt.PUBCOMP and slot.state == PUBREC:
                return
            self._let_go(slot)

    def _watch(self, now):
        if self._ping is not None:
            if self._is_past(self._ping, now):
                raise OSError(110, "the broker fell silent")
        elif ticks_diff(now, self._heard) >= self._quarter:
            self.client.ping()
            self._ping = ticks_add(now, self._quarter)
        order = self.inflight.order
        if order and order[0].on_link and ticks_diff(now, order[0].since) > 4 * self._quarter:
            raise OSError(110, "an acknowledgement did not come within the keep-alive")

    def _send(self, now):
        for _ in range(BURST):
            slot = self._next_slot(now)
            if slot is None:
                return
            slot.since = now
            slot.on_link = True
            if not self._write(slot):
                return

    def _next_slot(self, now):
        """What goes out next: what an earlier connection left, then the birth, then the outbox, then the last word."""
        for slot in self.inflight.order:
            if not slot.on_link:
                if slot.sent:
                    self.resent += 1
                return slot
        slot = self.inflight.free()
        if slot is None:
            return None
        if self._said == NOTHING:
            self._said = BIRTH
            return self._hold_text(slot, self._status.topic, True, self._status.birth(now), now)
        if self._notes:
            note = self._notes.pop(0)
            return self._hold_text(slot, note.topic, note.retain, note.text(now), now)
        if self.outbox.take(slot.record):
            if self.outbox.date(slot.record, self._clock, now):
                self.replayed += 1
            self.inflight.hold(slot, self.outbox.series[slot.record[0]].qos, now)
            return slot
        if self._stopping is not None and self._said == BIRTH:
            self._said = LAST_WORD
            return self._hold_text(slot, self._status.topic, True, self._status.last_word(now), now)
        return None

    def _hold_text(self, slot, topic, retain, text, now):
        slot.topic = topic
        slot.retain = retain
        slot.text = text
        self.inflight.hold(slot, 1, now)
        return slot

    def _write(self, slot):
        client = self.client
        if slot.state == PUBCOMP:
            client.release(slot.pid)
        elif slot.text is not None:
            client.publish(slot.topic, slot.text, slot.retain, 1, slot.pid)
        else:
            one, reading = unpack(slot.record, self.outbox.series)
            client.publish(one.topic, encode(reading), False, slot.qos, slot.pid, slot.sent)
        slot.sent = True
        return self._flush()

    def _flush(self):
        if not self._stream.flush():
            return False
        for slot in self.inflight.order:
            if slot.state == WRITTEN and slot.on_link:
                self._let_go(slot)
                break
        return True

    def _let_go(self, slot):
        if slot.text is None:
            self.delivered += 1
            self.outbox.let_go(slot.record)
        self.inflight.release(slot)

    def _is_sendable(self):
        """Whether something waits that the window has room for."""
        if not self._stream.is_flushed():
            return True
        if len(self.inflight) == self.inflight.window:
            return not self.inflight.order[-1].on_link
        if self._said == NOTHING or self._notes or len(self.outbox):
            return True
        return self._stopping is not None and self._said == BIRTH

    # Ends.

    def _fail(self, now, reason, floor=0):
        served = self.state == SERVE
        if served and ticks_diff(now, self._since) >= SETTLED:
            self._backoff.reset()
        if served:
            floor = max(floor, DROPPED_FLOOR)
        wait = self._backoff.delay(floor)
        where = self.state
        self._close()
        if served:
            self._down_at = self._clock.up(now)
        self.reason = self.trouble = reason
        self._enter(REST, now, wait)
        self._log("session: %s: %s; next try in %.1f s" % (where, reason, wait / 1000))

    def _close(self):
        if self._dialling is not None:
            self._dialling.close()
            self._dialling = None
        self._stream.close()
        self.inflight.disconnected()

    def _enter(self, state, now, limit):
        self.state = state
        self._until = ticks_add(now, limit)

    def _is_past(self, deadline, now):
        return ticks_diff(now, deadline) >= 0

    def _left(self, deadline, now):
        return 0 if deadline is None else max(0, ticks_diff(deadline, now))


def _words(error):
    """An OSError in words: our own carry them; a bare number of the runtime's gets the commonest ones."""
    if len(error.args) > 1:
        return str(error.args[1])
    code = error.args[0] if error.args else error
    known = {
        32: "connection broken",
        103: "connection broken",
        104: "connection reset",
        110: "timed out",
        111: "connection refused",
        113: "no route to the broker",
    }
    return known.get(code, "error %s" % code)
