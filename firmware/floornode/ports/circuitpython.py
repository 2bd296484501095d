"""CircuitPython 9 and later, with Wi-Fi by ``wifi`` and sockets by ``socketpool``. It has not run on hardware.

What differs from MicroPython, and what follows from it:

- ``wifi.radio.connect`` and ``Socket.connect`` wait: at most 5 s each here, less than the watchdog allows. Sampling waits too.
- No ``select`` that every board has: ``wait`` sleeps in slices, so that a packet may lie for 20 ms.
- The file system is read-only for a program while a computer has it as a drive, so the boot number lives in
  ``microcontroller.nvm``; without a writable one no crash is recorded, and no settings are kept as the last good ones.
- umqtt.simple asks for modules by MicroPython's names: those of CircuitPython are put in their places.
"""

import binascii
import errno
import gc
import os
import struct
import sys
import time
import traceback

import board
import busio
import microcontroller
import rtc
import socketpool
import supervisor
import wifi
from watchdog import WatchDogMode

from ..mqtt.trouble import Trouble
from ..ticks import PERIOD
from .nvm_counter import NvmCounter

_MASK = PERIOD - 1
# A board without a battery wakes up in 2000: a year before this is a clock that nobody set.
_FIRST_YEAR = 2024
_SLICE_S = 0.02
# Each, in a step of its own, stays below the watchdog's limit.
_JOIN_S = 5
_DIAL_S = 5
_PREFIXES = ("GP", "IO", "GPIO", "D")


class _Sockets:
    """Stands where umqtt.simple imports ``usocket``, of which its client here uses nothing (see mqtt.client)."""


for _name, _module in (("usocket", _Sockets), ("ustruct", struct), ("ubinascii", binascii)):
    sys.modules.setdefault(_name, _module)


class Port:
    def __init__(self):
        self._pool = socketpool.SocketPool(wifi.radio)
        self._buses = {}

    def ticks(self):
        return supervisor.ticks_ms() & _MASK

    def unix_ms(self):
        if time.localtime().tm_year < _FIRST_YEAR:
            return None
        return int(time.time()) * 1000

    def set_unix_ms(self, unix_ms):
        from . import calendar

        rtc.RTC().datetime = time.struct_time(calendar.fields(time.localtime, unix_ms // 1000) + (-1, -1))

    def boot_number(self):
        if microcontroller.nvm:
            return NvmCounter(microcontroller.nvm).advance()
        from .. import boot

        return boot.advance("boot", self.unix_ms())

    def uniform(self, n):
        # Three bytes are above any window in ms; the remainder's bias is below one in a hundred.
        seed = os.urandom(3)
        return (seed[0] << 16 | seed[1] << 8 | seed[2]) % (n + 1)

    def i2c(self, bus):
        # A pin is taken until it is let go, and sensors that share a bus share its object.
        place = bus.scl, bus.sda
        if place not in self._buses:
            self._buses[place] = I2C(busio.I2C(_pin(bus.scl), _pin(bus.sda), frequency=bus.freq))
        return self._buses[place]

    def wires(self):
        raise OSError(errno.ENODEV, "not on CircuitPython, whose port has plain I2C only")

    def light(self, led):
        import digitalio

        pin = digitalio.DigitalInOut(_pin(led.pin) if led.name is None else getattr(board, led.name))
        pin.direction = digitalio.Direction.OUTPUT

        def switch(on):
            pin.value = bool(on) != led.inverted

        return switch

    def link(self, wifi_settings):
        return Link(wifi_settings)

    def dial(self, host, port, files=None):
        if files is not None:
            # Nothing is sent in the open that was to be secret.
            raise Trouble("tls-failed", "no TLS on CircuitPython yet; use MicroPython, or leave broker.tls out")
        return Dial(self._pool, host, port)

    def datagram(self, host, port):
        return Datagram(self._pool, host, port)

    def wait(self, ms):
        time.sleep(min(_SLICE_S, ms / 1000))

    def settle(self):
        gc.collect()

    def heap_free(self):
        return gc.mem_free()

    def watchdog(self, ms):
        return Watchdog(ms)

    def reset_cause(self):
        reason = microcontroller.cpu.reset_reason
        for name, word in (
            ("POWER_ON", "power-on"),
            ("BROWNOUT", "power-on"),
            ("WATCHDOG", "watchdog"),
            ("SOFTWARE", "reset"),
            ("RESET_PIN", "reset"),
            ("DEEP_SLEEP_ALARM", "deep-sleep"),
        ):
            if reason == getattr(microcontroller.ResetReason, name):
                return word
        return "unknown"

    def reset(self):
        microcontroller.reset()

    def trace(self, error):
        return "".join(traceback.format_exception(error))


class I2C:
    """machine.I2C's methods over ``busio.I2C``, for the one loop that there is."""

    def __init__(self, bus):
        self._bus = bus

    def scan(self):
        self._take()
        try:
            return self._bus.scan()
        finally:
            self._bus.unlock()

    def writeto(self, address, data):
        self._take()
        try:
            self._bus.writeto(address, data)
        finally:
            self._bus.unlock()

    def readfrom_into(self, address, buffer):
        self._take()
        try:
            self._bus.readfrom_into(address, buffer)
        finally:
            self._bus.unlock()

    def writeto_mem(self, address, register, data):
        self.writeto(address, bytes((register,)) + bytes(data))

    def readfrom_mem_into(self, address, register, buffer):
        self._take()
        try:
            self._bus.writeto_then_readfrom(address, bytes((register,)), buffer)
        finally:
            self._bus.unlock()

    def _take(self):
        # Held by somebody else it would be held for ever: there is no second loop that lets go.
        if not self._bus.try_lock():
            raise OSError(errno.EAGAIN, "bus is taken")


class Link:
    """Wi-Fi as a station. ``settings`` has ``ssid`` and ``password``; None: what the board joined by itself."""

    def __init__(self, settings):
        self._settings = settings

    def join(self):
        """Waits, for 5 s at most. OSError with the reason when joining failed."""
        settings = self._settings
        if settings is None:
            return
        try:
            wifi.radio.connect(settings.ssid, settings.password or b"", timeout=_JOIN_S)
        except ConnectionError as error:
            text = str(error)
            if "uthentication" in text:
                raise Trouble("wrong-password", "wrong Wi-Fi password for '%s'" % settings.ssid)
            if "No network" in text:
                raise Trouble("no-access-point", "no access point '%s' in reach" % settings.ssid)
            raise Trouble("not-joined", "joining '%s' failed: %s" % (settings.ssid, text))

    def joined(self):
        return self.is_up()

    def lacks(self):
        """``(word, text)`` of what is missing while ``joined`` says no: ``join`` had waited for it, and lost it again."""
        return "not-joined", "the network went away again"

    def is_up(self):
        return wifi.radio.connected

    def rssi(self):
        access_point = wifi.radio.ap_info
        return None if access_point is None else access_point.rssi


class Watchdog:
    """The machine's watchdog."""

    def __init__(self, ms):
        machine = microcontroller.watchdog
        machine.timeout = ms / 1000
        machine.mode = WatchDogMode.RESET
        self.feed = machine.feed

    def stop(self):
        try:
            microcontroller.watchdog.mode = None
        except (ValueError, RuntimeError, NotImplementedError):
            # Some machines cannot: then it bites, and the board starts anew.
            pass


class Dial:
    """A TCP connection; making it waits, for 5 s at most."""

    def __init__(self, pool, host, port):
        self._pool = pool
        self._host = host
        self._address = _address(pool, host, port)
        self._socket = None

    def poll(self):
        """The connected transport. OSError with the reason where there is none."""
        self._socket = one = self._pool.socket(self._pool.AF_INET, self._pool.SOCK_STREAM)
        one.settimeout(_DIAL_S)
        try:
            one.connect(self._address)
        except OSError as error:
            code = error.args[0] if error.args else errno.EIO
            if code == errno.ECONNREFUSED:
                raise Trouble("refused", "%s refused the connection" % self._host)
            if code in (errno.ETIMEDOUT, "timed out"):
                raise Trouble("unreachable", "no connection within %d s" % _DIAL_S)
            raise Trouble("unreachable", "no connection to %s: error %s" % (self._host, code))
        self._socket = None
        try:
            one.setsockopt(self._pool.IPPROTO_TCP, self._pool.TCP_NODELAY, 1)
        except (OSError, AttributeError):
            # Older ones have no such option; our packets leave in one write each, so it costs them little.
            pass
        one.setblocking(False)
        return Connection(one)

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Connection:
    """A connected socket as ``mqtt.stream`` wants it."""

    def __init__(self, connected):
        self._socket = connected
        self.close = connected.close

    def readinto(self, buffer):
        try:
            return self._socket.recv_into(buffer, len(buffer))
        except OSError as error:
            if error.args and error.args[0] == errno.EAGAIN:
                return None
            raise

    def write(self, data):
        try:
            return self._socket.send(data)
        except OSError as error:
            if error.args and error.args[0] == errno.EAGAIN:
                return None
            raise


class Datagram:
    """A UDP socket that hears one address only."""

    def __init__(self, pool, host, port):
        self._address = _address(pool, host, port)
        self._socket = pool.socket(pool.AF_INET, pool.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._buffer = bytearray(512)
        self.close = self._socket.close

    def send(self, data):
        try:
            self._socket.sendto(data, self._address)
        except OSError as error:
            raise OSError(error.args[0], "error %s" % error.args[0])

    def receive(self):
        try:
            size, whose = self._socket.recvfrom_into(self._buffer)
        except OSError as error:
            if error.args[0] == errno.EAGAIN:
                return None
            raise OSError(error.args[0], "error %s" % error.args[0])
        return bytes(self._buffer[:size]) if tuple(whose) == tuple(self._address) else None


def _address(pool, host, port):
    try:
        return pool.getaddrinfo(host, port)[0][-1]
    except (OSError, IndexError):
        raise Trouble("no-name", "no such name: %s" % host)


def _pin(number):
    """The board's pin of that GPIO number, by whatever name its maker gave it."""
    for prefix in _PREFIXES:
        pin = getattr(board, "%s%d" % (prefix, number), None)
        if pin is not None:
            return pin
    raise OSError(errno.ENODEV, "this board has no pin %d" % number)
