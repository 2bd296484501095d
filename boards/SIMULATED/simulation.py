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
_buses = {}  # of all kinds: by ("i2c", "0") and the like
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


def bus(kind, name, make):
    """The bus ``name`` of a kind, with the chips that the script puts there; ``make`` is its class, given them by address.

    - "i2c": "0" for I2C(0), "5,4" for software I2C on SCL 5 and SDA 4; chips by their addresses;
    - "spi": "0" for SPI(0), "18,19,16" for software SPI on those pins; chips by their select pins;
    - "onewire": the pin; chips by their ROM codes in hex.

    It is the same one each time: chips outlive the objects that drive them.
    """
    if (kind, name) not in _buses:
        chips = {}
        for place, spec in script.get(kind, {}).pop(name, {}).items():  # not needed twice, and it takes memory
            try:
                if kind == "onewire":
                    spec["rom"] = place
                chips[place if kind == "onewire" else int(place)] = _chip(spec)
            except (ValueError, TypeError, AttributeError) as fault:
                stop("%s.%s.%s: %s" % (kind, name, place, fault))
        _buses[kind, name] = make(chips)
    return _buses[kind, name]


def _chip(spec):
    import chips

    chip = chips.load(spec.get("chip"))(spec, uptime_us)
    if spec.get("faults"):
        from faults import Faulty

        chip = Faulty(chip, spec["faults"], uptime_us)
    if getattr(chip, "int1", None) is not None:
        from parts import pin

        pin.drive(chip.int1, chip.level)
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
