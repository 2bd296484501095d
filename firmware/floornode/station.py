"""A station: the parts of a board's firmware wired together, and the loop that runs them."""

import gc
import os
import sys

from . import VERSION, boot, sensors
from .clock import Clock, ticks_diff
from .contract import quantities, status, topics
from .health import Health
from .mqtt.backoff import Backoff
from .mqtt.client import Client
from .mqtt.inflight import Inflight
from .mqtt.session import JOIN, REST, SERVE, STOPPED, Session
from .mqtt.stream import Stream
from .outbox import Outbox
from .record import Series
from .sampler import Probe, Sampler
from .watchdog import LIMIT_MS, Watchdog

SETTINGS = "settings.json"
BOOT = "boot"
TRIAL = "trial"
STORE = "store"

# No sleep is longer, so that whatever looks at the clock in between (a watchdog, a changed network) gets its turn.
LONGEST_WAIT = 1000

# The parts that keep the watchdog fed.
SAMPLER = 0
SESSION = 1
HEALTH = 2


class Status:
    """What the board says of itself on its status topic."""

    def __init__(self, station):
        self._station = station
        self.topic = station.topic(topics.STATUS)

    def will(self):
        return status.will(self._station.outbox.boot)

    def birth(self, now):
        station = self._station
        outbox = station.outbox
        lossy = [one for one in outbox.series if one.dropped]
        dropped = [(one.quantity.name, one.dropped) for one in lossy]
        between = [(one.quantity.name, one.dropped_from, one.dropped_to) for one in lossy]
        if outbox.backlog is not None:
            outbox.backlog.tell()
        return status.birth(outbox.boot, self._time(now), VERSION, station.settings.board, station.published, dropped, between)

    def last_word(self, now):
        return status.last_word(self._station.outbox.boot, self._time(now))

    def _time(self, now):
        clock = self._station.clock
        return clock.read(now) if clock.is_set else None


class Station:
    """One provisioned board."""

    def __init__(self, port, config, number):
        """``port``: a ``ports`` Port; ``config``: parsed settings; ``number``: this start's boot number."""
        self.port = port
        self.settings = config
        now = port.ticks()
        self._started = now
        self.clock = Clock(now)
        unix_ms = port.unix_ms()
        if unix_ms is not None:
            self.clock.set(unix_ms, now, "rtc")
        series = []
        # Of each topic: what the birth message says of it.
        self.published = []
        probes = []
        for sensor in config.sensors:
            name = sensor.name
            kinds = [quantities.quantity(one) for one in sensor.names]
            for kind in kinds:
                series.append(Series(len(series), self.topic(kind.name), kind, sensor.qos[kind.base]))
                self.published.append((kind, name, sensor.period_ms, sensor.qos[kind.base]))
            probe = Probe
            if sensors.load(sensor.driver).lead_ms is not None:
                from .long_probe import LongProbe as probe
            probes.append(probe(name, self._opener(sensor), sensor.period_ms, kinds))
        self.outbox = self._outbox(series, number, config.outbox)
        self.sampler = Sampler(probes, self.clock)
        self.link = port.link(config.wifi)
        self.session = self._session(config.broker)
        self.sntp = self._sntp(config.time) if config.time.interval_s else None
        # Which settings serve, in a word.
        self.settings_are = "given"
        self.health = Health(self, now)
        self.watchdog = Watchdog(HEALTH + 1)
        self.longest_step = 0
        self._on_trial = TRIAL in os.listdir()

    def topic(self, leaf):
        """The topic of a leaf of this machine, as bytes."""
        return topics.topic(self.settings.site, self.settings.floor, self.settings.machine, leaf).encode()

    def step(self, now):
        """One turn: what is due is read and handed over, and the session goes on."""
        self.clock.step(now)
        for reading in self.sampler.due(now):
            self.outbox.put(reading)
        self.watchdog.report(SAMPLER)
        if not self._is_held():
            self.session.step(now)
        self.watchdog.report(SESSION)
        if self.sntp is not None:
            self.sntp.step(now)
        self.health.step(now)
        self.watchdog.report(HEALTH)
        if self._on_trial and self.session.delivered:
            self._confirm()
        if not self.sampler.is_capturing:
            self.outbox.step(now, self.session.state == SERVE, self.sampler.next(now))

    def next(self, now):
        """Milliseconds until there is something to do, unless a packet comes first."""
        wait = min(self.sampler.next(now), self.health.next(now), LONGEST_WAIT)
        if not self._is_held():
            wait = min(wait, self.session.next(now))
        if self.sntp is not None:
            wait = min(wait, self.sntp.next(now))
        return wait

    def run(self):
        """Turn until stopped by Ctrl-C, which ends the session cleanly."""
        port = self.port
        self.watchdog.start(port.watchdog(LIMIT_MS))
        try:
            while True:
                now = port.ticks()
                self.step(now)
                after = port.ticks()
                took = ticks_diff(after, now)
                self.longest_step = max(self.longest_step, took)
                self.health.took(took)
                wait = self.next(after)
                if wait > 0:
                    port.wait(wait)
        except KeyboardInterrupt:
            # Whoever pressed it wants the board for himself.
            self.watchdog.stop()
            self.stop()

    def stop(self):
        """Say the last word. Sampling has ended; what was read is delivered first."""
        port = self.port
        self.session.stop(port.ticks())
        while self.session.state != STOPPED:
            now = port.ticks()
            self.session.step(now)
            port.wait(min(self.session.next(now), 20))
        account = self._account()
        if self.outbox.held and self.outbox.open():
            self.outbox.spill.flush()
        self.log("longest step %d ms, %d delivered, %d left behind" % account)

    def log(self, text):
        ms = ticks_diff(self.port.ticks(), self._started)
        print("[%4d.%03d] %s" % (ms // 1000, ms % 1000, text))

    def _account(self):
        return self.longest_step, self.session.delivered, len(self.outbox) + len(self.session.inflight)

    def _is_held(self):
        """Whether the session waits for a window to be captured: what it would begin next is a name look-up, or a handshake,
        and takes longer than a sensor's FIFO lasts. What is under way goes on."""
        return self.sampler.is_capturing and self.session.state in (REST, JOIN)

    def _confirm(self):
        """This firmware has proved itself. Imported now: few starts are trials."""
        from . import trial

        self._on_trial = False
        trial.confirm()
        self.log("trial: this firmware is confirmed")

    def _outbox(self, series, number, wanted):
        """The outbox, with flash behind it where the settings want that: ``ram`` pays nothing for it."""
        if wanted.durability == "ram":
            return Outbox(series, number, wanted.capacity, self.clock)

        def open_spill(outbox):
            from .store import spill

            return spill.open(outbox, STORE, wanted, self.log)

        outbox = Outbox(series, number, wanted.capacity, self.clock, open_spill, wanted.gather_s * 1000)
        if STORE in os.listdir():
            outbox.open()
        return outbox

    def _opener(self, sensor):
        """What opens a sensor: now, and again whenever it was lost."""
        port = self.port
        bus = self.settings.buses[sensor.bus]
        cls = sensors.load(sensor.driver)
        if bus.kind == "i2c" and not cls.options:
            return lambda: cls(port.i2c(bus), sensor.address)
        # Only now: most sensors are on I2C and have nothing to choose.
        from .wiring import opener

        return opener(port, cls, bus, sensor)

    def _session(self, broker):
        client = Client(
            Stream(),
            broker.client_id.encode(),
            None if broker.user is None else broker.user.encode(),
            None if broker.password is None else broker.password.encode(),
            broker.keepalive,
        )
        own = Status(self)
        client.set_last_will(own.topic, own.will(), True, 1)
        return Session(
            client,
            Inflight(broker.window),
            Backoff(broker.first_window_ms, broker.last_window_ms, self.port.uniform),
            self.outbox,
            self.clock,
            self.link,
            lambda: self.port.dial(broker.host, broker.port),
            own,
            self.log,
        )

    def _sntp(self, time):
        """Asks the time server. Imported now: a board that asks nobody does without it."""
        from .sntp import Sntp

        return Sntp(
            self.clock,
            time.interval_s * 1000,
            lambda: self.link.is_up() and not self.sampler.is_capturing,
            lambda: self.port.datagram(time.server, time.port),
            self.port.ticks,
            self.port.uniform,
            self._set_machine,
            self.log,
        )

    def _set_machine(self, unix_ms):
        """Put the machine's own clock right, where it is off by a second or more."""
        now = self.port.unix_ms()
        if now is None or not -1000 < now - unix_ms < 1000:
            self.port.set_unix_ms(unix_ms)


def run(port):
    """Start the station that ``settings.json`` describes, and run it until stopped."""
    config = _provisioned()
    number = boot.advance(BOOT, port.unix_ms())
    station = Station(port, config, number)
    where = "/".join((config.site, config.floor, config.machine))
    station.log("floornode %s: %s on %s, boot %d (%s)" % (VERSION, where, config.board, number, port.reset_cause()))
    station.run()


def _provisioned():
    """The settings. Their rules go again when they are read: they would hold 12 KB for good."""
    from . import settings

    try:
        return settings.load(SETTINGS)
    except settings.SettingsError as error:
        for fault in error.faults:
            print("settings: " + fault)
        sys.exit(2)
    finally:
        package = sys.modules[__name__[: __name__.rfind(".")]]
        for name in ("settings", "settings_rules"):
            sys.modules.pop(package.__name__ + "." + name, None)
            if hasattr(package, name):
                delattr(package, name)
        del settings
        gc.collect()
