"""MicroPython 1.24 and later: ESP32, RP2, and the unix port with boards/SIMULATED first on its path."""

import gc
import io
import select
import sys
import time

import machine

from ..ticks import PERIOD
from .dial import Dial

_MASK = PERIOD - 1
# ESP32 wakes up in 2000, RP2 in 2021: a year before this is a clock that nobody set.
_FIRST_YEAR = 2024
# A collection takes an RP2040 some milliseconds, so none may come each few turns: while a window is captured it is the longest
# step there is. During the start, which compiles and forgets, they come at each 4 KB (main.py).
_GARBAGE = 16384
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
        if wifi is None:
            return Wired()
        from .wireless import Wireless

        return Wireless(wifi)

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
        from .datagram import Datagram

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
