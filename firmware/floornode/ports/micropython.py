"""MicroPython 1.24 and later: ESP32, RP2, and the unix port with boards/SIMULATED first on its path."""

import errno
import gc
import io
import select
import socket
import sys
import time

import machine
import network

from ..clock import PERIOD
from ..mqtt.trouble import Trouble

_MASK = PERIOD - 1
# ESP32 wakes up in 2000, RP2 in 2021: a year before this is a clock that nobody set.
_FIRST_YEAR = 2024
# A collection takes an RP2040 some milliseconds, so none may come each few turns: while a window is captured it is the longest
# step there is. During the start, which compiles and forgets, they come at each 4 KB (main.py).
_GARBAGE = 16384
_IN_PROGRESS = (errno.EINPROGRESS, errno.EALREADY)
# A join that failed, as far as the port tells.
_FAILURES = (
    ("STAT_WRONG_PASSWORD", "wrong-password", "wrong Wi-Fi password for '%s'"),
    # What most access points make of a wrong password under WPA2.
    ("STAT_HANDSHAKE_TIMEOUT", "wrong-password", "wrong Wi-Fi password for '%s'"),
    ("STAT_NO_AP_FOUND", "no-access-point", "no access point '%s' in reach"),
    ("STAT_CONNECT_FAIL", "not-joined", "joining '%s' failed"),
)
# cyw43-driver, cyw43.h: joined, and without an address. MicroPython has no name for it.
_CYW43_LINK_NOIP = 2
_TCP = 6
_TCP_NODELAY = 1
# RP2040 datasheet, section 4.7.6, and RP2350 datasheet, section 12.9.7: the watchdog's registers CTRL (bit 30: enable; writes
# 0x2000 above it set bits, and 0x3000 above it clear them) and REASON (bit 0: the timer ran out, bit 1: somebody asked for a
# reset).
_RP2_WATCHDOGS = (("RP2040", 0x40058000), ("RP2350", 0x400D8000))
_ENABLE = 1 << 30
_SET = 0x2000
_CLEAR = 0x3000


class Port:
    def __init__(self):
        self._poll = select.poll()
        self._watchdog = None
        self.ticks_us = time.ticks_us

    def ticks(self):
        return time.ticks_ms() & _MASK

    def unix_ms(self):
        if time.gmtime()[0] < _FIRST_YEAR:
            return None
        # The epoch is 2000 on some ports: ask, and go by the calendar.
        shift = 0 if time.gmtime(0)[0] == 1970 else 946684800000
        return time.time_ns() // 1000000 + shift

    def boot_number(self):
        from .. import boot

        return boot.advance("boot", self.unix_ms())

    def uniform(self, n):
        import os

        # Three bytes are above any window in ms; the remainder's bias is below one in a hundred.
        seed = os.urandom(3)
        return (seed[0] << 16 | seed[1] << 8 | seed[2]) % (n + 1)

    def i2c(self, bus):
        if not machine.Pin(bus.sda, machine.Pin.IN, machine.Pin.PULL_UP)():
            from . import stuck_bus

            stuck_bus.free(bus.scl, bus.sda)
        return machine.I2C(bus.id, scl=machine.Pin(bus.scl), sda=machine.Pin(bus.sda), freq=bus.freq)

    def wires(self):
        from . import wires

        return wires

    def light(self, led):
        pin = machine.Pin(led.pin if led.name is None else led.name, machine.Pin.OUT)
        return (lambda on: pin.value(1 - on)) if led.inverted else pin.value

    def link(self, wifi):
        return Wired() if wifi is None else Wireless(wifi)

    def dial(self, host, port, files=None):
        """Begin a connection; by TLS where ``files`` say what to trust, as ``broker.tls`` does."""
        dialling = self._look_up(Dial, host, port)
        if files is not None:
            from .securing import Securing

            try:
                dialling.secure = Securing(self, files, host).connection
            except OSError:
                dialling.close()
                raise
        return dialling

    def datagram(self, host, port):
        return self._look_up(Datagram, host, port)

    def wait(self, ms):
        for _ in self._poll.ipoll(ms):
            pass

    def set_unix_ms(self, unix_ms):
        from . import calendar

        seconds = unix_ms // 1000 - (0 if time.gmtime(0)[0] == 1970 else 946684800)
        year, month, day, hour, minute, second, weekday = calendar.fields(time.gmtime, seconds)
        machine.RTC().datetime((year, month, day, weekday, hour, minute, second, unix_ms % 1000 * 1000))

    def settle(self):
        gc.collect()
        gc.threshold(_GARBAGE)

    def heap_free(self):
        return gc.mem_free()

    def watchdog(self, ms):
        self._watchdog = Watchdog(ms)
        return self._watchdog

    def reset_cause(self):
        registers = _rp2_watchdog()
        # An RP2 resets itself by its watchdog: only the register tells whether somebody wanted it.
        if registers and machine.mem32[registers + 8] & 2:
            return "reset"
        cause = machine.reset_cause()
        for name, word in (
            ("PWRON_RESET", "power-on"),
            ("WDT_RESET", "watchdog"),
            ("HARD_RESET", "reset"),
            ("SOFT_RESET", "reset"),
            ("DEEPSLEEP_RESET", "deep-sleep"),
        ):
            if getattr(machine, name, None) == cause:
                return word
        return "unknown"

    def reset(self):
        machine.reset()

    def trace(self, error):
        text = io.StringIO()
        sys.print_exception(error, text)
        return text.getvalue()

    def _look_up(self, kind, host, port):
        """A connection or socket of that kind. A name that nobody answers for keeps lwIP longer than the watchdog allows, and
        its retries are bounded: so the watchdog waits for them."""
        if self._watchdog is None or not host.strip("0123456789."):
            return kind(self._poll, host, port)
        self._watchdog.pause()
        try:
            return kind(self._poll, host, port)
        finally:
            self._watchdog.resume()


def _rp2_watchdog():
    """The address of an RP2's watchdog registers, None on other machines."""
    if sys.platform == "rp2":
        for chip, address in _RP2_WATCHDOGS:
            if chip in sys.implementation[2]:
                return address
    return None


class Wired:
    """A machine whose network is up by itself."""

    def join(self):
        pass

    def joined(self):
        return True

    def is_up(self):
        return True

    def rssi(self):
        return None


class Wireless:
    """Wi-Fi as a station. ``wifi`` has ``ssid`` and ``password``."""

    def __init__(self, wifi):
        self._wifi = wifi
        self._wlan = network.WLAN(network.STA_IF)

    def join(self):
        wlan = self._wlan
        wlan.active(True)
        try:
            wlan.disconnect()
        except OSError:
            pass
        try:
            # Or an ESP32 tries for ever, and says "connecting" instead of what is wrong. The first failure may be the end of
            # the connection that was left just now.
            wlan.config(reconnects=1)
        except (OSError, ValueError):
            pass  # only an ESP32 counts them
        wlan.connect(self._wifi.ssid, self._wifi.password)

    def joined(self):
        if self.is_up():
            return True
        status = self._wlan.status()
        for name, word, text in _FAILURES:
            if status == getattr(network, name, None):
                raise Trouble(word, text % self._wifi.ssid)
        return False

    def lacks(self):
        """``(word, text)`` of what is missing while ``joined`` says no."""
        if self._is_associated():
            return "no-address", "'%s' gives no address: its DHCP does not answer" % self._wifi.ssid
        return "not-joined", "'%s' does not answer" % self._wifi.ssid

    def is_up(self):
        return self._wlan.isconnected()

    def rssi(self):
        try:
            return self._wlan.status("rssi")
        except (OSError, ValueError, TypeError):
            # Not joined, or a port that does not know the word.
            return None

    def _is_associated(self):
        if self._wlan.status() == _CYW43_LINK_NOIP:
            return True
        if not hasattr(network, "STAT_ASSOC_FAIL"):
            return False
        # An ESP32 says "connecting" until it has an address, but knows its access point's signal from the association on.
        try:
            return self._wlan.status("rssi") < 0
        except OSError:
            return False


class Watchdog:
    """The machine's watchdog."""

    def __init__(self, ms):
        self._ms = ms
        self._is_on = True
        self.feed = machine.WDT(timeout=ms).feed

    def stop(self):
        self._is_on = False
        self.pause()

    def pause(self):
        """Not to bite for as long as a name look-up takes. An ESP32's cannot be stopped; a day is time enough."""
        registers = _rp2_watchdog()
        if registers:
            machine.mem32[registers + _CLEAR] = _ENABLE
        elif sys.platform == "esp32":
            machine.WDT(timeout=86400000)

    def resume(self):
        """Bite again, from now on; unless it was stopped."""
        if not self._is_on:
            return
        self.feed()
        registers = _rp2_watchdog()
        if registers:
            machine.mem32[registers + _SET] = _ENABLE
        elif sys.platform == "esp32":
            machine.WDT(timeout=self._ms)


class Dial:
    """A TCP connection in the making. ``secure(poll, socket)``: makes the transport, where it is not to be a plain one."""

    secure = None

    def __init__(self, poll, host, port):
        self._poll = poll
        self._host = host
        try:
            self._address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        except (OSError, IndexError):
            raise Trouble("no-name", "no such name: %s" % host)
        self._socket = socket.socket()
        self._socket.setblocking(False)
        try:
            self._socket.connect(self._address)
        except OSError as error:
            if error.args[0] not in _IN_PROGRESS:
                self._socket.close()
                self._raise(error)
        self._ready = select.poll()
        self._ready.register(self._socket, select.POLLOUT)

    def poll(self):
        """The connected transport, or None while the network is at it."""
        ready = self._ready.poll(0)
        if not ready:
            return None
        events = ready[0][1]
        if events & (select.POLLERR | select.POLLHUP):
            self._raise_reason()
        connected = self._socket
        self._socket = None
        self._ready.unregister(connected)
        try:
            connected.setsockopt(_TCP, _TCP_NODELAY, 1)
        except (OSError, AttributeError):
            # Some ports have no such option; our packets leave in one write each, so it costs them little.
            pass
        return (self.secure or Connection)(self._poll, connected)

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _raise_reason(self):
        try:
            self._socket.readinto(bytearray(1))
        except OSError as error:
            self._raise(error)
        raise Trouble("dropped", "%s closed the connection" % self._host)

    def _raise(self, error):
        if error.args[0] == errno.ECONNREFUSED:
            raise Trouble("refused", "%s refused the connection" % self._host)
        raise error


class Connection:
    """A connected socket that ``Port.wait`` listens to."""

    def __init__(self, poll, connected):
        self._poll = poll
        self._socket = connected
        self.readinto = connected.readinto
        self.write = connected.write
        poll.register(connected, select.POLLIN)

    def close(self):
        self._poll.unregister(self._socket)
        self._socket.close()


class Datagram:
    """A UDP socket that ``Port.wait`` listens to, connected to one address."""

    def __init__(self, poll, host, port):
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
        except (OSError, IndexError):
            raise OSError(errno.ENOENT, "no such name: %s" % host)
        self._poll = poll
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise self._words(error)
        poll.register(self._socket, select.POLLIN)

    def send(self, data):
        try:
            self._socket.send(data)
        except OSError as error:
            raise self._words(error)

    def receive(self):
        try:
            return self._socket.recv(512)
        except OSError as error:
            if error.args[0] == errno.EAGAIN:
                return None
            raise self._words(error)

    def close(self):
        self._poll.unregister(self._socket)
        self._socket.close()

    def _words(self, error):
        code = error.args[0]
        return OSError(code, "nobody listens there" if code == errno.ECONNREFUSED else "error %s" % code)
