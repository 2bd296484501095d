"""Sensors. A driver knows registers, not machines: what it is given has the methods of its kind of bus.

To add one, write its module here, with a class as ``Sensor`` below says, and add its line to ``DRIVERS``. Nothing else names
it: settings, schemas and the sampler go by the class. docs/sensors.md does it step by step.

The kinds of bus:

- ``i2c``: an object with machine.I2C's methods;
- ``spi``: ``exchange(out, into)``: one transaction with the chip selected, ``into`` being what came while ``out`` went;
- ``onewire``: ``reset() -> bool``, whether somebody is there, ``write(data)``, ``readinto(buffer)``, ``write_bit(bit)`` and
  ``read_bit()``; ``owner`` is None, or whose transaction is under way; ``known``: the ROM codes that drivers go by.
"""

import errno
import sys

# name: (module, class)
DRIVERS = {
    "adxl345": ("adxl345", "Adxl345"),
    "bme280": ("bme280", "Bme280"),
    "ds18b20": ("ds18b20", "Ds18b20"),
    "iis3dwb": ("iis3dwb", "Iis3dwb"),
}


class Sensor:
    """A driver is a subclass that has

    - ``quantities``: the names of what it measures, in the order of ``read()``;
    - ``ranges``: for each, the span (in the unit) in which the sensor is worth believing;
    - ``settle_ms``: from opening to the first conversion;
    - ``buses``: the kinds of bus it can be on; ``address``: its usual one on I2C; ``spi_mode``: polarity and phase on SPI;
    - ``options``: the settings of its own, rows as in ``settings_rules``, given to it by name;
    - ``__init__(bus, address, **options)``: finds and configures the chip, or raises OSError(code, "text"). The address is a
      number on I2C, eight bytes or None on 1-Wire, None on SPI;
    - ``read()``: a tuple of numbers in the unit, all of one conversion, None for a channel without a value. It never waits, and
      raises OSError(code, "text"); the sampler puts the sensor's name before the text.

    One whose measurement takes a while has ``lead_ms``, how long it takes (in the class, not None), and two more methods, of
    which neither waits:

    - ``begin(now)``: starts a measurement, ``lead_ms`` before a reading is due;
    - ``step(now)``: goes on with it, and returns in how many ms it wants to be called again, None when ``read`` has the values.
      Afterwards ``ended`` is the tick at which the measurement ended, which may be some time ago.
    """

    buses = ("i2c",)
    address = None
    spi_mode = 0
    options = ()
    settle_ms = 0
    lead_ms = None
    ended = None
    # Whether it takes windows of samples, and wants ``ticks_us`` as one more option; then it has ``window()``: of the latest
    # reading ``(samples, count, billionths of g a step, mHz)``, in an array of 16-bit ones, or None where there is none, or
    # another is being taken in its place. And whether it is at it: then nobody else may begin anything long.
    streams = False
    is_capturing = False
    # Of the last reading: what is wrong with it (contract.reading), and the features of its first quantity, in whole steps.
    flags = 0
    features = None

    @staticmethod
    def fault(bus, sensor):
        """What is wrong with the settings of this ``sensor`` on this ``bus``, as ``(key, text)``; None when nothing is."""
        return None


def load(name):
    """The driver class called ``name``. Its module is imported now: a board pays for the drivers it uses."""
    module, cls = DRIVERS[name]
    path = __name__ + "." + module
    __import__(path)
    return getattr(sys.modules[path], cls)


def told(error):
    """An error of machine.I2C with its text. A missing acknowledgement is EIO on RP2 and ENODEV on ESP32; a line held low
    runs into the time limit."""
    code = error.args[0] if error.args else errno.EIO
    return OSError(code, "bus is stuck" if code == errno.ETIMEDOUT else "no answer")
