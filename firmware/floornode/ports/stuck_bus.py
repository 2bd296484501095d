"""An I2C bus whose SDA somebody holds low: a chip that the board's own reset cut off in mid-answer, say, and that will not let
go until it has told the rest. Nothing but clocks, or its power, frees such a bus (UM10204, section 3.1.16)."""

import errno
import time

import machine

# Eight bits and an acknowledgement are the most that anybody has left to say.
_CLOCKS = 9
# Half a period of 100 kHz, which every chip can follow.
_HALF_US = 5


def free(scl, sda):
    """Clock whoever holds ``sda`` (pin numbers) until he lets go, and end his transaction. OSError where that is no help."""
    clock = machine.Pin(scl, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP, value=1)
    data = machine.Pin(sda, machine.Pin.OPEN_DRAIN, machine.Pin.PULL_UP, value=1)
    for _ in range(_CLOCKS):
        if data():
            break
        _set(clock, 0)
        _set(clock, 1)
    if not data():
        raise OSError(errno.ETIMEDOUT, "bus is stuck: something holds SDA low")
    # A stop: SDA rises while SCL is high.
    _set(clock, 0)
    _set(data, 0)
    _set(clock, 1)
    _set(data, 1)


def _set(pin, level):
    pin(level)
    time.sleep_us(_HALF_US)
