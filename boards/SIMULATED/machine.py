"""The `machine` module of a board whose hardware is software: API and error codes of MicroPython's rp2 and esp32 ports.

Its classes are in `parts`, each imported when the firmware first asks for it: they live in the heap of the board that
is played, and what a board does not use shall not cost it anything.

How the process of a board ends tells what happened to it; whoever runs it may start it anew with that `reset_cause`:

- SIGALRM: its watchdog bit. SIGUSR1: `reset()`. SIGUSR2: `soft_reset()`. No `finally` of the firmware runs, as none
  does on a board.
- exit code 2: `simulation.json` is wrong, and one line on stdout says what.
"""

import simulation

try:
    from umachine import *  # what the unix port's own module has stays

    del mem32  # noqa: F821  # but for the memory of this very process
except ImportError:  # CPython
    pass

if simulation.script.get("flash_full"):
    import flash  # noqa: F401  it takes open()'s place

PWRON_RESET = 1
WDT_RESET = 3
if simulation.is_esp32():
    HARD_RESET = 2
    DEEPSLEEP_RESET = 4
    SOFT_RESET = 5


def __getattr__(name):
    if name not in ("I2C", "SoftI2C", "Pin", "RTC", "SPI", "SoftSPI", "WDT", "mem32"):
        raise AttributeError("module 'machine' has no attribute '%s'" % name)
    module = name[4:] if name[:4] == "Soft" else name
    part = __import__("parts." + module.lower(), None, None, (name,))
    globals()[name] = getattr(part, name)
    return globals()[name]


def reset():
    simulation.die("USR1")


def soft_reset():
    simulation.die("USR2")


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
