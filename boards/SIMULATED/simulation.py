"""What this board is and what happens to it: ``simulation.json`` in the current folder; and the time since its start.

Without that file the board is a Pico W with nothing on its buses, in reach of every network (README.md has its keys).
"""

import json
import sys
import time

try:
    from time import ticks_diff as _passed
    from time import ticks_us as _ticks
except ImportError:  # CPython

    def _ticks():
        return time.monotonic_ns() // 1000

    def _passed(now, before):
        return now - before


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
_buses = {}
_uptime = [0, _ticks()]  # microseconds so far, and when that was


def uptime_us():
    """Microseconds since the board's start, an integer that never wraps: ``ticks_us`` does, every 2**30 us where small
    integers have 31 bits, so what passed is added up (and it must be asked more often than that)."""
    now = _ticks()
    _uptime[0] += _passed(now, _uptime[1])
    _uptime[1] = now
    return _uptime[0]


def is_esp32():
    """Which of the two families' constants and error codes hold. They differ, and firmware has to live with both."""
    return "ESP32" in script.get("machine", "")


def bus(name):
    """The bus ``name`` ("0" for I2C(0), "5,4" for software I2C on SCL 5 and SDA 4) with the chips that the script puts
    there. The same one each time: chips outlive the objects that drive them."""
    if name not in _buses:
        from bus import Bus

        chips = {}
        for address, spec in script.get("i2c", {}).pop(name, {}).items():  # not needed twice, and it takes memory
            try:
                chips[int(address)] = _chip(spec)
            except (ValueError, TypeError, AttributeError) as fault:
                stop("i2c.%s.%s: %s" % (name, address, fault))
        _buses[name] = Bus(chips)
    return _buses[name]


def _chip(spec):
    import chips

    chip = chips.load(spec.get("chip"))(spec, uptime_us)
    if spec.get("faults"):
        from faults import Faulty

        chip = Faulty(chip, spec["faults"], uptime_us)
    return chip


def die(signal):
    """Ends the process at once, by a signal: an exception would let the firmware say farewell."""
    import os

    try:
        process = os.getpid()
        sys.stdout.flush()
    except AttributeError:
        process = "$PPID"  # the unix port has no getpid; the shell knows who started it
    os.system("kill -%s %s" % (signal, process))
    time.sleep(1)  # until the signal has come
