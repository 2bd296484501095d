"""Sensors. A driver knows registers, not buses: it is given an object with machine.I2C's methods.

A driver is a class with

- ``quantities``: the names of what it measures, in the order of ``read()``;
- ``ranges``: for each, the span (in the unit) in which the sensor is worth believing;
- ``settle_ms``: from opening to the first conversion;
- ``__init__(i2c, address)``: finds and configures the chip, or raises OSError(code, "text");
- ``read()``: a tuple of numbers in the unit, all of one conversion, None for a channel without a value. It never waits, and
  raises OSError(code, "text"); the sampler puts the sensor's name before the text.

To add one, write its module here and add its line below.
"""

import sys

# name: (module, class, kind of bus, default address, quantities)
DRIVERS = {
    "bme280": ("bme280", "Bme280", "i2c", 0x76, ("temperature", "pressure", "humidity")),
}


def load(name):
    """The driver class called ``name``. Its module is imported now: a board pays for the drivers it uses."""
    module, cls = DRIVERS[name][:2]
    path = __name__ + "." + module
    __import__(path)
    return getattr(sys.modules[path], cls)
