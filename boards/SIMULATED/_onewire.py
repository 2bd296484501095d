"""The `_onewire` module of MicroPython's rp2 and esp32 ports, over the wires of the script."""

import simulation
import wire


def _bus(pin):
    return simulation.bus("onewire", str(pin._id), wire.Bus)


def reset(pin):
    return _bus(pin).reset()


def readbit(pin):
    return _bus(pin).read()


def readbyte(pin):
    bus = _bus(pin)
    byte = 0
    for at in range(8):
        byte |= bus.read() << at
    return byte


def writebit(pin, value):
    _bus(pin).write(1 if value else 0)


def writebyte(pin, value):
    bus = _bus(pin)
    for at in range(8):
        bus.write(value >> at & 1)


def crc8(data):
    from chips.ds18b20 import crc8

    return crc8(data)
