"""What this board is and what happens to it: ``simulation.json`` in the current folder; and the time since its start.

Without that file the board is a Pico W with nothing on its buses, in reach of any access point (README.md has the keys).
"""

import json
import sys
import time

_CLOCK_US = getattr(time, "ticks_us", None)


class Uptime:
    """Microseconds since the board's start, as an integer that never wraps: ``ticks_us`` does, after 2**30 us where
    small integers have 31 bits, so its differences are added up (it must be asked more often than that)."""

    def __init__(self):
        self._total = 0
        self._last = self._ticks()

    def __call__(self):
        now = self._ticks()
        self._total += time.ticks_diff(now, self._last) if _CLOCK_US else now - self._last
        self._last = now
        return self._total

    def _ticks(self):
        return _CLOCK_US() if _CLOCK_US else time.monotonic_ns() // 1000


def stop(fault):
    """Ends the board with one line: whoever wrote the script has to know, and no firmware may take it for weather."""
    print("simulation.json: " + fault)
    sys.exit(2)


def _load():
    try:
        with open("simulation.json") as file:
            return json.load(file)
    except OSError:
        return {}
    except ValueError:
        stop("is not JSON; write it anew, or remove it for a board with nothing on its buses")


script = _load()
uptime_us = Uptime()
_buses = {}


def is_esp32():
    """Which of the two families' constants and error codes hold. They differ, and firmware has to live with both."""
    return "ESP32" in script.get("machine", "")


def bus(name):
    """The bus ``name`` ("0" for I2C(0), "5,4" for software I2C on SCL 5 and SDA 4) with the chips that the script puts
    there. The same one each time: chips outlive the objects that drive them."""
    if name not in _buses:
        from bus import Bus

        chips = {}
        for address, spec in script.get("i2c", {}).get(name, {}).items():
            try:
                chips[int(address)] = _chip(spec)
            except (ValueError, TypeError, KeyError, OSError) as fault:
                stop("i2c.%s.%s: %s" % (name, address, fault))
        _buses[name] = Bus(chips)
    return _buses[name]


def _chip(spec):
    import chips

    chip = chips.load(spec["chip"])(spec, uptime_us)
    if spec.get("faults"):
        from faults import Faulty

        chip = Faulty(chip, spec["faults"], uptime_us)
    return chip
