"""The `machine` module of a board whose hardware is software: API and error codes of MicroPython's rp2 and esp32 ports.

How the process of a board ends tells what happened to it; whoever runs it may start it anew with that `reset_cause`:

- SIGALRM: its watchdog bit. SIGUSR1: `reset()`. SIGUSR2: `soft_reset()`. No `finally` of the firmware runs, as none
  does on a board.
- exit code 2: `simulation.json` is wrong, and one line on stdout says what.
"""

import sys
import time

import simulation

try:
    from umachine import *  # what the unix port's own module has stays
except ImportError:  # CPython
    pass

_EIO = 5
_ENODEV = 19

PWRON_RESET = 1
WDT_RESET = 3
if simulation.is_esp32():
    HARD_RESET = 2
    DEEPSLEEP_RESET = 4
    SOFT_RESET = 5


class Pin:
    IN = 0
    OUT = 1
    OPEN_DRAIN = 2
    PULL_UP = 1
    PULL_DOWN = 2
    _levels = {}  # of the board's pins, not of the objects

    def __init__(self, id, mode=-1, pull=-1, *, value=None):
        self._id = id
        self.init(mode, pull, value=value)

    def init(self, mode=-1, pull=-1, *, value=None):
        if value is not None:
            self.value(value)
        elif self._id not in self._levels:
            self._levels[self._id] = 1 if pull == Pin.PULL_UP else 0

    def value(self, level=None):
        if level is None:
            return self._levels[self._id]
        self._levels[self._id] = 1 if level else 0

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def __repr__(self):
        return "Pin(%s)" % self._id


class _Bus:
    """The methods that I2C and SoftI2C share."""

    def _open(self, name, nack, scl, sda, freq, timeout):
        self._bus = simulation.bus(name)
        self._nack = nack
        self._name = name
        self._wiring = (freq, scl, sda, timeout)

    def scan(self):
        return [address for address in range(0x08, 0x78) if self._bus.acknowledges(address)]

    def writeto(self, addr, buf, stop=True):
        if not self._bus.write(addr, buf):
            raise OSError(self._nack)
        return len(buf)

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(vector), stop)

    def readfrom_into(self, addr, buf, stop=True):
        if not self._bus.read(addr, buf):
            raise OSError(self._nack)

    def readfrom(self, addr, nbytes, stop=True):
        buf = bytearray(nbytes)
        self.readfrom_into(addr, buf, stop)
        return bytes(buf)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big") + bytes(buf))

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, memaddr.to_bytes(addrsize // 8, "big"), False)
        self.readfrom_into(addr, buf)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        buf = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buf, addrsize=addrsize)
        return bytes(buf)

    def __repr__(self):
        return "I2C(%s, freq=%d, scl=%s, sda=%s, timeout=%d)" % ((self._name,) + self._wiring)


class I2C(_Bus):
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%s) doesn't exist" % id)
        # What a missing acknowledgement is called depends on the port.
        self._open(str(id), _ENODEV if simulation.is_esp32() else _EIO, scl, sda, freq, timeout)


class SoftI2C(_Bus):
    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._open("%s,%s" % (_number_of(scl), _number_of(sda)), _ENODEV, scl, sda, freq, timeout)


class WDT:
    """Bites although the firmware hangs in a loop or a wait: on MicroPython from a thread of its own, on CPython by the
    kernel's timer."""

    _limit = None

    def __init__(self, id=0, timeout=5000):
        if id:
            raise ValueError("WDT(%s) doesn't exist" % id)
        if timeout < 1 or (timeout > 8388 and not simulation.is_esp32()):
            raise ValueError("timeout exceeds 8388")
        running = WDT._limit is not None
        WDT._limit = timeout
        self.feed()
        if not running and hasattr(time, "ticks_ms"):
            import _thread

            _thread.start_new_thread(_guard, ())

    def feed(self):
        if hasattr(time, "ticks_ms"):
            WDT._fed = time.ticks_ms()
        else:
            import signal

            signal.setitimer(signal.ITIMER_REAL, WDT._limit / 1000)


def _guard():
    while True:
        left = WDT._limit - time.ticks_diff(time.ticks_ms(), WDT._fed)
        if left < 0:
            _die("ALRM")
        time.sleep_ms(left + 1)


class RTC:
    """Runs from the host's clock, or with "rtc": "unset" in the script from the date that the board has at power-on."""

    _offset = None  # seconds ahead of the host's clock, of which only the rate is used then

    def __init__(self, id=0):
        if RTC._offset is None:
            RTC._offset = 0
            if simulation.script.get("rtc") == "unset":
                start = (2000, 1, 1, 0, 0, 0, 0, 0) if simulation.is_esp32() else (2021, 1, 1, 0, 0, 0, 0, 0)
                self.datetime(start[:3] + (0,) + start[3:7])

    def datetime(self, now=None):
        """(year, month, day, weekday with Monday 0, hour, minute, second, subsecond), UTC."""
        if now is None:
            year, month, day, hour, minute, second, weekday = time.gmtime(int(time.time()) + RTC._offset)[:7]
            return (year, month, day, weekday, hour, minute, second, 0)
        year, month, day, _, hour, minute, second = now[:7]
        RTC._offset = _seconds(year, month, day, hour, minute, second) - _seconds(*time.gmtime(int(time.time()))[:6])


def _seconds(year, month, day, hour, minute, second):
    """Seconds since 2000-01-01, by counting days: `time.mktime` minds the time zone on one Python and not the other."""
    years = year - 2000
    days = 365 * years + (years + 3) // 4 + sum((31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)[: month - 1]) + day - 1
    if month > 2 and years % 4 == 0:
        days += 1
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def reset():
    _die("USR1")


def soft_reset():
    _die("USR2")


def reset_cause():
    """The port's constant for the script's "reset_cause": power-on, reset, watchdog or soft."""
    cause = simulation.script.get("reset_cause", "power-on")
    if simulation.is_esp32():
        return {"power-on": PWRON_RESET, "reset": HARD_RESET, "watchdog": WDT_RESET, "soft": SOFT_RESET}[cause]
    # An RP2040 resets itself by its watchdog, and a soft reset leaves its register as it was.
    return WDT_RESET if cause in ("reset", "watchdog") else PWRON_RESET


def unique_id():
    text = simulation.script.get("unique_id", "e6614103e7000000")
    return bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])


def freq():
    return 160000000 if simulation.is_esp32() else 125000000


def _number_of(pin):
    return pin._id if isinstance(pin, Pin) else pin


def _die(signal):
    """Ends the process at once, by a signal: an exception would let the firmware say farewell."""
    import os

    if sys.implementation.name == "micropython":
        os.system("kill -%s $PPID" % signal)  # the unix port has no getpid; the shell knows who started it
    else:
        sys.stdout.flush()
        os.system("kill -%s %d" % (signal, os.getpid()))
    time.sleep(1)  # until the signal has come
