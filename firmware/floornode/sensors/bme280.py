"""Bosch BME280: temperature, pressure and humidity, by adafruit-circuitpython-bme280, unmodified.

Section numbers are those of the datasheet BST-BME280-DS002.
"""

import errno

from . import Sensor
from .adafruit_bus import Bus

_CHIP_ID = 0xD0
_BME280 = 0x60
_BMP280 = 0x58
# Trimming (section 4.2.2): first register and how many.
_TRIMMING = ((0x88, 26), (0xE1, 7))
_CONFIG = 0xF5
# ctrl_hum, status, ctrl_meas, config, one reserved, then pressure, temperature and humidity: all in one burst.
_FIRST = 0xF2
_LENGTH = 13

_NORMAL = 0x03
_X1 = 0x01
# 10 ms between conversions of 9.3 ms at the most (section 9.1): what is read is never older than 20 ms, and the chip warms
# itself less than without a pause.
_STANDBY_10_MS = 0x06
# So many readings with all eight bytes the same are of a converter that has stopped: the noise of pressure alone is more than a
# step of it (3.3 Pa to 2.6).
_FROZEN = 64
_CTRL_MEAS = _X1 << 5 | _X1 << 2 | _NORMAL


class Bme280(Sensor):
    """Temperature in C, pressure in hPa, relative humidity in %."""

    quantities = ("temperature", "pressure", "humidity")
    # Table 1: the temperature range of operation, and those of full accuracy for pressure and humidity.
    ranges = ((-40, 85), (300, 1100), (0, 100))
    address = 0x76
    # The first conversion is done (9.3 ms at the most, section 9.1), with time to spare for the chip's own oscillator.
    settle_ms = 15

    def __init__(self, i2c, address):
        self._bus = Bus(i2c, address)
        self._burst = bytearray(_LENGTH)
        self._last = None
        self._repeats = 0
        self._identify()
        try:
            self._hold_trimming()
            self._chip = self._configured(address)
        except (ImportError, ValueError, RuntimeError) as error:
            raise OSError(errno.ENODEV, str(error))
        finally:
            self._bus.release()

    def read(self):
        """``(temperature, pressure, humidity)`` of one conversion."""
        bus = self._bus
        bus.hold(_FIRST, self._burst)
        try:
            self._check()
            chip = self._chip
            # Pressure and humidity are compensated with the temperature: without it there is nothing.
            if self._is_stopped(8):
                return None, None, None
            return (
                chip.temperature,
                None if self._is_stopped(5) else chip.pressure,
                None if self._is_stopped(11) else chip.humidity,
            )
        except ArithmeticError as error:
            raise OSError(errno.EIO, str(error))
        finally:
            bus.release()

    def _identify(self):
        found = bytearray(1)
        self._bus.read(_CHIP_ID, found)
        if found[0] != _BME280:
            text = "a BMP280, which has no humidity" if found[0] == _BMP280 else "chip id is %#x" % found[0]
            raise OSError(errno.ENODEV, "no BME280: " + text)

    def _hold_trimming(self):
        """Read the trimming for the driver. One wrong bit there would make every value wrong, plausibly and for good."""
        for first, length in _TRIMMING:
            block = bytearray(length)
            again = bytearray(length)
            self._bus.read(first, again)
            self._bus.hold(first, block)
            # Ones come from a chip that let go of the line, zeros from one that is still starting (section 5.4.4).
            if block != again or block[-1] == 0xFF or not any(block):
                raise OSError(errno.EIO, "trimming reads as garbage")

    def _configured(self, address):
        """The driver, with the chip converting."""
        # Here, so that a board without this sensor does without the driver's 6 KB. Its `advanced` module would check what is
        # set here, for 4 KB more.
        from adafruit_bme280.basic import Adafruit_BME280_I2C

        chip = Adafruit_BME280_I2C(self._bus, address)
        chip.overscan_temperature = _X1
        chip.overscan_pressure = _X1
        chip.overscan_humidity = _X1
        # The driver writes its standby time only in normal mode, where such a write may be ignored, and goes through
        # sleep for it, where a conversion that runs makes the chip ignore the way back (sections 3.3.1, 5.4.6).
        self._bus.writeto(address, bytes((_CONFIG, _STANDBY_10_MS << 5)))
        # Writes the oversampling too. In normal mode no property starts a conversion and waits for it.
        chip.mode = _NORMAL
        return chip

    def _check(self):
        """Raise OSError unless the burst is the answer of a chip that converts as it was told to.

        A channel that is not converted says half scale (section 5.4.3 and tables 20, 23, 24), which decodes to some
        plausible 22.96 C. One such channel may also be honest, so what is asked is whether it was told to convert.
        """
        burst = self._burst
        if burst[0] & 7 != _X1 or burst[2] != _CTRL_MEAS or burst[3] & 0xFD != _STANDBY_10_MS << 5:
            raise OSError(errno.EIO, "lost its settings: ctrl_meas reads %#x" % burst[2])
        # The last four bits of pressure and temperature are not there (section 4.1): ones are of an empty line.
        if (burst[7] | burst[10]) & 0x0F:
            raise OSError(errno.EIO, "broke off its answer")
        data = bytes(burst[5:])
        if data == b"\x80\x00\x00\x80\x00\x00\x80\x00":
            raise OSError(errno.EIO, "has not converted yet")
        self._repeats = self._repeats + 1 if data == self._last else 0
        self._last = data
        # Opened anew it is reset, which may start it, and else leaves it saying that it has not converted.
        if self._repeats == _FROZEN:
            raise OSError(errno.EIO, "is frozen: the same values %d times" % _FROZEN)

    def _is_stopped(self, at):
        """Whether the converter of the channel at ``at`` of the burst is at its stop, where nothing can be said."""
        msb = self._burst[at]
        return msb == self._burst[at + 1] and msb in (0x00, 0xFF)
