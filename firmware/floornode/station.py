"""A station: the parts of a board's firmware wired together, and the loop that runs them."""

import gc
import os

from . import forget, sensors
from .clock import Clock
from .contract import quantities
from .health import Health
from .mqtt.backoff import Backoff
from .mqtt.client import Client
from .mqtt.inflight import Inflight
from .mqtt.session import DIAL, GREET, GREET_LIMIT, JOIN, REST, SECURE_GREET_LIMIT, SERVE, STOPPED, Session
from .mqtt.stream import Stream
from .outbox import Outbox
from .record import Series
from .sampler import Probe, Sampler
from .ticks import ticks_add, ticks_diff
from .watchdog import LIMIT_MS, Watchdog

TRIAL = "trial"
STORE = "store"

# What has to be free beside the store: a birth message, its words and the packet that it goes in, between what is scattered.
SPARE_BYTES = 10 * 1024

# No sleep is longer, so that whatever looks at the clock in between (a watchdog, a changed network) gets its turn.
LONGEST_WAIT = 1000

# How long anything waits for windows to be captured: three of the slow ones, which last 5 s; and the first window for the first
# connection.
_PATIENCE = 15000

# The parts that keep the watchdog fed.
SAMPLER = 0
SESSION = 1
HEALTH = 2


class Status:
    """What the board says of itself on its status topic. Its words are said seldom, and made by a module that goes again."""

    def __init__(self, station):
        self._station = station
        self.topic = station.topic("status")

    def will(self):
        return self._said("will", 0)

    def birth(self, now):
        return self._said("birth", now)

    def last_word(self, now):
        return self._said("last_word", now)

    def _said(self, what, now):
        from . import words

        text = getattr(words, what)(self._station, now)
        forget("words", "crash", "wholefile", "contract.status")
        return text


class Station:
    """One provisioned board."""

    def __init__(self, port, config, number, cause):
        """``port``: a ``ports`` Port; ``config``: parsed settings; ``number``, ``cause``: this start's."""
        self.port = port
        self.settings = config
        now = port.ticks()
        self.clock = Clock(now)
        unix_ms = port.unix_ms()
        if unix_ms is not None:
            self.clock.set(unix_ms, port.ticks(), "rtc")
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
            driver = sensors.load(sensor.driver)
            if driver.lead_ms is not None:
                from .long_probe import LongProbe as probe
            probes.append(probe(name, self._opener(sensor), sensor.period_ms, kinds))
            probes[-1].streams = driver.streams
        self.outbox = self._outbox(series, number, config.outbox)
        self.sampler = Sampler(probes, self.clock)
        self.sampler.is_waiting = True
        self.link = port.link(config.wifi)
        self.session = self._session(config.broker)
        self.recorder = self._recorder() if config.commands and any(one.streams for one in probes) else None
        self.sntp = self._sntp(config.time) if config.time.interval_s else None
        self.reset_cause = cause
        # Which settings serve, in a word; whether without sensors, for all that crashed; and why, in words.
        self.settings_are = "given"
        self.is_safe = False
        self.reason = None
        # What this start has still to prove, and the part of it that runs now.
        self.proving = None
        self.part = "start"
        self.health = Health(self, now)
        self.watchdog = Watchdog(HEALTH + 1)
        self.light = self._light(config.led, now) if config.led else None
        self.longest_step = 0
        # How long a window is given way to: None while none is captured, False once that has lasted too long.
        self._patient_until = None
        # A bit for each sensor that was said to be lost.
        self._lost = 0
        self._on_trial = TRIAL in os.listdir()

    def topic(self, leaf):
        """The topic of a leaf of this machine, as bytes. All are asked for at the start."""
        from .contract import topics

        return topics.topic(self.settings.site, self.settings.floor, self.settings.machine, leaf).encode()

    def step(self, now):
        """One turn: what is due is read and handed over, and the session goes on."""
        self.part = "sampler"
        self.clock.step(now)
        came = False
        for reading in self.sampler.due(now):
            self.outbox.put(reading)
            came = True
        if came:
            self._tell_sensors()
        self.watchdog.report(SAMPLER)
        self.part = "session"
        gives_way = self._gives_way(now)
        if not (gives_way and self._is_held()):
            self.session.step(now)
        if self.sampler.is_waiting:
            self.sampler.is_waiting = self._is_first_try(now)
        if self.recorder is not None:
            self.recorder.step(now)
        self.watchdog.report(SESSION)
        self.part = "time"
        if self.sntp is not None:
            self.sntp.step(now)
        self.part = "health"
        self.health.step(now)
        if self.light is not None:
            self.light.step(now)
        if self.proving is not None and not self.proving.step(now):
            self.proving = None
        self.watchdog.report(HEALTH)
        if self._on_trial and self.session.delivered:
            self._confirm()
        if not gives_way:
            self.outbox.step(now, self.session.state == SERVE, self.sampler.next(now))

    def next(self, now):
        """Milliseconds until there is something to do, unless a packet comes first."""
        wait = min(self.sampler.next(now), self.health.next(now), LONGEST_WAIT)
        if not (self._gives_way(now) and self._is_held()):
            wait = min(wait, self.session.next(now))
        if self.sntp is not None:
            wait = min(wait, self.sntp.next(now))
        if self.light is not None:
            wait = min(wait, self.light.next(now))
        return wait

    def run(self):
        """Turn until stopped by Ctrl-C, which ends the session cleanly."""
        port = self.port
        self.watchdog.start(port.watchdog(LIMIT_MS))
        try:
            # The first turn imports the sensors' drivers: what memory is left for the store is known after it.
            wait = self._turn(port)
            self._open_store()
            port.settle()
            while True:
                if wait > 0:
                    port.wait(wait)
                wait = self._turn(port)
        except KeyboardInterrupt:
            # Whoever pressed it wants the board for himself.
            self.watchdog.stop()
            self.stop()

    def _turn(self, port):
        """One step, and how long it took. Returns in how many ms there is something to do."""
        now = port.ticks()
        self.step(now)
        after = port.ticks()
        took = ticks_diff(after, now)
        self.longest_step = max(self.longest_step, took)
        self.health.took(took)
        return self.next(after)

    def stop(self):
        """Say the last word. Sampling has ended; what was read is delivered first."""
        port = self.port
        self.session.stop(port.ticks())
        while self.session.state != STOPPED:
            now = port.ticks()
            self.session.step(now)
            port.wait(min(self.session.next(now), 20))
        if self.light is not None:
            self.light.stop()
        account = self._account()
        if self.outbox.held and self.outbox.open():
            self.outbox.spill.flush()
        self.log("longest step %d ms, %d delivered, %d left behind" % account)

    def log(self, text):
        ms = self.clock.up(self.port.ticks())
        print("[%4d.%03d] %s" % (ms // 1000, ms % 1000, text))

    def _account(self):
        return self.longest_step, self.session.delivered, len(self.outbox) + len(self.session.inflight)

    def _tell_sensors(self):
        """One line when a sensor is lost, and one when it is back."""
        for i, probe in enumerate(self.sampler.probes):
            if probe.is_lost != bool(self._lost & 1 << i):
                self._lost ^= 1 << i
                self.log("sensor: " + (probe.reason if probe.is_lost else probe.name + ": answers again"))

    def _is_first_try(self, now):
        """Whether the board is at its first attempt to connect, and may be waited for: the first window, begun meanwhile, would
        hold up the look-up of a name and the handshake, and with them all that is read. An absent broker ends the attempt."""
        session = self.session
        return not session.connects and session.trouble is None and self.clock.up(now) < _PATIENCE

    def _gives_way(self, now):
        """Whether what takes longer than a sensor's FIFO lasts waits for a window to be captured. Where window follows window
        without end it waits no longer: a disturbed window says so, and what is never sent or never written is lost."""
        if not self.sampler.is_capturing:
            self._patient_until = None
        elif self._patient_until is None:
            self._patient_until = ticks_add(now, _PATIENCE)
        elif self._patient_until is not False and ticks_diff(self._patient_until, now) <= 0:
            # Remembered as such, for a time would come round again.
            self._patient_until = False
        return self._patient_until is not None and self._patient_until is not False

    def _is_held(self):
        """Whether what the session would do next takes so long: a name look-up, or the arithmetic of a handshake by TLS."""
        state = self.session.state
        return state in (REST, JOIN) or (self.settings.broker.tls is not None and state in (DIAL, GREET))

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

        return Outbox(series, number, wanted.capacity, self.clock, open_spill, wanted.gather_s * 1000, self._is_short)

    def _open_store(self):
        """Before there is a broker: what an earlier start left there comes first, and the storage's word is waited for from the
        first reading on."""
        outbox = self.outbox
        is_end_to_end = self.settings.outbox.end_to_end
        if is_end_to_end or STORE in os.listdir():
            outbox.open()
        if outbox.confirms:
            from .contract.topics import MARK

            self.session.subscribe(self.topic(MARK), 1, outbox.backlog.audit.hear)
        elif is_end_to_end:
            self.log("store: no end_to_end without it; readings are let go when the broker has them")

    def _is_short(self):
        gc.collect()
        return self.port.heap_free() < SPARE_BYTES

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
            lambda: self.port.dial(broker.host, broker.port, broker.tls),
            own,
            self.log,
            GREET_LIMIT if broker.tls is None else SECURE_GREET_LIMIT,
        )

    def _recorder(self):
        """Sends raw windows to whoever asks. Imported now: only boards that take some have it."""
        from .contract.topics import CAPTURE, COMMAND
        from .recorder import Recorder

        recorder = Recorder(
            self.topic(CAPTURE), self.sampler, self.outbox, self.session, self.clock, self.port.heap_free, self.log
        )
        self.session.subscribe(self.topic(COMMAND), 1, recorder.hear)
        return recorder

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

    def _light(self, led, now):
        """The board's own light. Imported now: not every board has one."""
        from .light import Light

        return Light(self.port.light(led), self, now)

    def _set_machine(self, unix_ms):
        """Put the machine's own clock right, where it is off by a second or more."""
        now = self.port.unix_ms()
        if now is None or not -1000 < now - unix_ms < 1000:
            self.port.set_unix_ms(unix_ms)
