"""A port like any other, on a machine that is all script: its time goes when it waits, its network has a broker in it that
answers at once, its sensor is the register model of a BME280. Days of a station's life pass in seconds."""

import bus
import chips
from floornode import settings
from floornode.mqtt.client import PUBACK
from floornode.ticks import PERIOD, ticks_add, ticks_diff
from scripted import CONNACK, Network, ack

UNIX_MS = 1706900000125
WANTED = {
    "site": "factory",
    "floor": "floor-2",
    "machine": "machine-42",
    "board": "RPI_PICO_W",
    "broker": {"host": "broker.plant"},
    "buses": {"i2c0": {"id": 0, "scl": 5, "sda": 4}},
    "sensors": [{"driver": "bme280", "bus": "i2c0"}],
    "outbox": {"durability": "ram"},
}


def config(**more):
    """Parsed settings; ``more`` replaces sections."""
    wanted = dict(WANTED)
    wanted.update(more)
    return settings.parse(wanted)


class Reset(BaseException):
    """The board starts anew: nothing of this life goes on."""


class Wires:
    """machine.I2C over a simulated bus; ``is_cut``: nobody answers there."""

    def __init__(self, wires):
        self._wires = wires
        self.is_cut = False

    def writeto(self, address, data):
        if self.is_cut or not self._wires.write(address, data):
            raise OSError(5)

    def readfrom_into(self, address, buffer):
        if self.is_cut or not self._wires.read(address, buffer):
            raise OSError(5)

    def readfrom_mem_into(self, address, register, buffer):
        self.writeto(address, bytes((register,)))
        self.readfrom_into(address, buffer)

    def writeto_mem(self, address, register, data):
        self.writeto(address, bytes((register,)) + bytes(data))


class Machine:
    """The machine's watchdog: it remembers when it was fed."""

    def __init__(self, port, ms):
        self._port = port
        self.ms = ms
        self.fed_at = port.now
        self.longest = 0
        self.is_stopped = False

    def feed(self):
        self.longest = max(self.longest, ticks_diff(self._port.now, self.fed_at))
        self.fed_at = self._port.now

    def stop(self):
        self.is_stopped = True


class Broker(Network):
    """The network with a broker behind it. ``is_there``: else it refuses; ``is_silent``: it hears and says nothing."""

    def __init__(self, taken):
        super().__init__()
        self.is_there = True
        self.is_silent = False
        self.taken = taken
        self._greeted = None

    def dial(self):
        if not self.is_there:
            raise OSError(111, "broker.plant refused the connection")
        return super().dial()

    def rssi(self):
        return -61

    def cut(self):
        """End the present connection."""
        if self.connection is not None:
            self.connection.is_ended = True

    def publish(self, topic, payload, is_retained=False):
        """Say something to the board at QoS 0; ``is_retained``: as what was kept for it."""
        body = bytes((0, len(topic))) + topic + payload
        assert len(body) < 0x4000
        self.connection.readable.extend(bytes((0x30 | is_retained, len(body) & 0x7F | 0x80, len(body) >> 7)) + body)

    def answer(self):
        """Say what a broker says to all that was written; tell ``taken`` (topic, payload) of what was published."""
        wire = self.connection
        if wire is None or self.is_silent or wire.is_closed or not wire.written:
            return
        for first, body in wire.packets():
            kind = first & 0xF0
            if kind == 0x10:
                wire.readable.extend(CONNACK)
            elif kind == 0xC0:
                wire.readable.extend(b"\xd0\0")
            elif kind == 0x80:
                wire.readable.extend(bytes((0x90, 3, body[0], body[1], body[-1])))
            elif kind == 0x30:
                at = 2 + (body[0] << 8 | body[1])
                topic = body[2:at]
                if first & 6:
                    wire.readable.extend(ack(PUBACK, body[at] << 8 | body[at + 1]))
                    at += 2
                self.taken(topic, body[at:])


class FakePort:
    """``taken``: the newest (topic, payload) that the broker took; ``turned(port)`` is called before the first turn and each
    time the board waits, and may raise KeyboardInterrupt to press Ctrl-C."""

    def __init__(self, turned, start=0, number=7, cause="power-on"):
        self.now = start
        self.ms = 0
        self.taken = []
        self.network = Broker(self._take)
        self.cause = cause
        self.machine = None
        self.server = None
        self.is_reset = False
        self.is_settled = False
        self.machine_ms = None
        self._number = number
        self._turned = turned
        self._random = 1
        self.bus = Wires(bus.Bus({0x76: chips.load("bme280")({}, self._us)}))
        # Each change of the light: when, and to what.
        self.flashes = []

    def _take(self, topic, payload):
        self.taken.append((topic, payload))
        if len(self.taken) > 600:
            self.taken.pop(0)

    def _us(self):
        return self.ms * 1000

    def ticks_us(self):
        return self._us()

    def ticks(self):
        return self.now

    def unix_ms(self):
        return None if self.machine_ms is None else self.machine_ms + self.ms

    def set_unix_ms(self, unix_ms):
        self.machine_ms = unix_ms - self.ms

    def boot_number(self):
        return self._number

    def uniform(self, n):
        self._random = (self._random * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._random >> 8) % (n + 1)

    def i2c(self, _bus):
        return self.bus

    def wires(self):
        """For a driver that has choices; this machine has no pins."""
        return self

    def light(self, _led):
        return lambda on: self.flashes.append((self.ms, on))

    def link(self, _wifi):
        return self.network

    def dial(self, _host, _port, _files=None):
        return self.network.dial()

    def datagram(self, host, _port):
        if self.server is None:
            raise OSError(2, "no such name: " + host)
        return self.server(self)

    def wait(self, ms):
        # A turn takes a while itself; and whoever waits is woken by what the broker says.
        self.pass_ms(1)
        self.network.answer()
        if ms > 1 and not (self.network.connection and self.network.connection.readable):
            self.pass_ms(ms - 1)
        self._turned(self)

    def pass_ms(self, ms):
        self.ms += ms
        self.now = ticks_add(self.now, ms) % PERIOD

    def settle(self):
        self.is_settled = True

    def heap_free(self):
        return 100000

    def watchdog(self, ms):
        self._turned(self)
        self.machine = Machine(self, ms)
        return self.machine

    def reset_cause(self):
        return self.cause

    def reset(self):
        self.is_reset = True
        raise Reset()

    def trace(self, error):
        return 'Traceback:\n  File "somewhere.py", line 1, in f\n%r\n' % error


def until(ms):
    """A ``turned`` that presses Ctrl-C, once, after so many ms of the board's life."""
    pressed = []

    def turned(port):
        if port.ms >= ms and not pressed:
            pressed.append(port.ms)
            raise KeyboardInterrupt

    return turned
