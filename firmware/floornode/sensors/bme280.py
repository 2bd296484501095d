"""Bosch BME280: temperature, pressure and humidity, by adafruit-circuitpython-bme280, unmodified.

Section numbers are those of the datasheet BST-BME280-DS002.
"""

from .adafruit_bus import Bus

_ENODEV = 19
_CHIP_ID = 0xD0
_BME280 = 0x60
_BMP280 = 0x58
_CTRL_MEAS = 0xF4
_CONFIG = 0xF5
_DATA = 0xF7
_DATA_LENGTH = 8
_NORMAL = 0x03
_OVERSAMPLING_X1 = 0x01
# 10 ms between conversions of 9.3 ms at the most (section 9.1): what is read is never older than 20 ms, and the chip warms
# itself less than without a pause.
_STANDBY_10_MS = 0x06


class Bme280:
    """Temperature in C, pressure in hPa, relative humidity in %."""

    quantities = ("temperature", "pressure", "humidity")
    # Table 1: the temperature range of operation, and those of full accuracy for pressure and humidity.
    ranges = ((-40, 85), (300, 1100), (0, 100))
    # The first conversion is done (9.3 ms at the most, section 9.1), with time to spare for the chip's own oscillator.
    settle_ms = 15

    def __init__(self, i2c, address):
        bus = self._bus = Bus(i2c, _DATA, _DATA_LENGTH)
        self._address = address
        found = bus.register(address, _CHIP_ID)
        if found != _BME280:
            name = "a BMP280, which has no humidity" if found == _BMP280 else "chip id %#x" % found
            raise OSError(_ENODEV, "no BME280 at %#x: %s" % (address, name))
        # Here, so that a board without this sensor does without the driver's 10 KB.
        from adafruit_bme280.advanced import Adafruit_BME280_I2C

        try:
            chip = Adafruit_BME280_I2C(bus, address)
            chip.overscan_temperature = _OVERSAMPLING_X1
            chip.overscan_pressure = _OVERSAMPLING_X1
            chip.overscan_humidity = _OVERSAMPLING_X1
            # The driver writes its standby time only in normal mode, where such a write may be ignored, and goes through
            # sleep for it, where a conversion that runs makes the chip ignore the way back (sections 3.3.1, 5.4.6).
            bus.writeto(address, bytes((_CONFIG, _STANDBY_10_MS << 5)))
            # In normal mode no property starts a conversion and waits for it.
            chip.mode = _NORMAL
        except (ValueError, RuntimeError) as error:
            raise OSError(_ENODEV, str(error))
        self._chip = chip

    def read(self):
        """``(temperature, pressure, humidity)`` of one conversion."""
        bus = self._bus
        if bus.register(self._address, _CTRL_MEAS) & 3 != _NORMAL:
            raise OSError(_ENODEV, "BME280 at %#x lost its configuration" % self._address)
        bus.capture(self._address)
        try:
            raw = bus.captured
            # A channel that was not converted reads half scale (section 5.4.3), which decodes to a plausible 22.96 C.
            if raw[3] == 0x80 and not raw[4] and not raw[5] & 0xF0:
                return None, None, None
            chip = self._chip
            skipped_pressure = raw[0] == 0x80 and not raw[1] and not raw[2] & 0xF0
            skipped_humidity = raw[6] == 0x80 and not raw[7]
            return (
                chip.temperature,
                None if skipped_pressure else chip.pressure,
                None if skipped_humidity else chip.humidity,
            )
        finally:
            bus.release()
