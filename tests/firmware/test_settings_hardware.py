"""Buses and sensors in the settings: what fits what, and what is said where it does not."""

from floornode.settings import parse
from good_settings import changed, faults, good, only_fault, put


def test_a_pin_or_bus_number_is_used_once():
    only_fault(
        put("buses", "i2c1", {"id": 1, "scl": 7, "sda": 5}),
        "buses.i2c1.sda: pin 5 is already buses.i2c0.scl; choose another",
    )
    only_fault(
        put("buses", "i2c1", {"id": 0, "scl": 7, "sda": 6}),
        "buses.i2c1.id: i2c id 0 is already buses.i2c0.id; choose another",
    )


def test_a_sensor_needs_a_bus_that_is_there():
    only_fault(put("sensors", 0, "bus", "i2c1"), "sensors[0].bus: i2c1 is not among the buses; there are i2c0")


def test_unknown_driver_is_named_with_the_known_ones():
    lines = faults(put("sensors", 0, "driver", "bmp999"))
    assert len(lines) == 1
    assert lines[0].startswith("sensors[0].driver: bmp999 is unknown; known are ") and "bme280" in lines[0]


def test_two_sensors_cannot_have_one_place_or_one_topic():
    lines = faults(lambda s: s["sensors"].append({"driver": "bme280", "bus": "i2c0"}))
    assert lines[0] == "sensors[1].address: sensors[0] has this bus and address already"
    assert len(lines) == 4
    for name, line in zip(("temperature", "pressure", "humidity"), lines[1:]):
        assert line.startswith("sensors[1].driver: sensors[0] already measures %s" % name), line


SPI = {"kind": "spi", "id": 0, "sck": 18, "mosi": 19, "miso": 16}
SHAKER = {"driver": "adxl345", "bus": "spi0", "cs": 17, "period_ms": 2000}


def shaken(**more):
    """A change that adds an ADXL345 on SPI; ``more`` is different about it."""

    def change(settings):
        settings["buses"]["spi0"] = dict(SPI)
        settings["sensors"].append(dict(SHAKER))
        settings["sensors"][1].update(more)

    return change


def test_a_bus_has_the_settings_of_its_kind():
    found = changed(shaken())
    assert [found.buses[name].kind for name in ("i2c0", "spi0")] == ["i2c", "spi"]
    bus = found.buses["spi0"]
    assert (bus.id, bus.sck, bus.mosi, bus.miso, bus.freq) == (0, 18, 19, 16, 2000000)
    only_fault(
        put("buses", "i2c0", "kind", "can"), "buses.i2c0.kind: must be one of i2c, onewire, spi, not text of 3 characters"
    )
    lines = faults(lambda s: s["buses"].update({"wire": {"kind": "onewire", "scl": 5}}))
    assert lines == [
        "buses.wire.scl: is unknown; known are kind, pin",
        "buses.wire.pin: is missing; add a whole number from 0 to 48",
    ]


def test_an_i2c_and_an_spi_bus_may_have_one_number():
    assert changed(shaken()).buses["spi0"].id == changed(shaken()).buses["i2c0"].id == 0


def test_a_sensor_has_the_options_of_its_driver():
    found = changed(shaken(range=2, axis="x", int1=20)).sensors[1]
    assert found.options == {"odr": None, "range": 2, "axis": "x", "slow": False, "int1": 20}
    only_fault(shaken(odr=3100), "sensors[1].odr: must be one of 800, 1600, 3200, not 3100")
    only_fault(shaken(range=True), "sensors[1].range: must be one of 2, 4, 8, 16, not true")
    lines = faults(put("sensors", 0, "odr", 3200))
    assert len(lines) == 1 and lines[0].startswith("sensors[0].odr: is unknown; known are driver, bus")


def test_a_sensor_must_fit_its_bus():
    only_fault(shaken(bus="i2c0", cs=None, odr=800, address=7), ADDRESS_LIMITS)

    def weather_on_spi(settings):
        settings["buses"]["spi0"] = SPI
        settings["sensors"] = [{"driver": "bme280", "bus": "spi0", "cs": 17}]

    only_fault(weather_on_spi, "sensors[0].bus: is spi, and a bme280 is on i2c")
    only_fault(shaken(cs=None), "sensors[1].cs: is missing; add the pin that selects the sensor on its SPI bus")
    only_fault(put("sensors", 0, "cs", 17), "sensors[0].cs: is of SPI; its bus is i2c")
    only_fault(shaken(address=83), "sensors[1].address: must be left out on SPI, not 83")
    only_fault(
        put("sensors", 0, "address", "28ff641e0f3c0142"),
        "sensors[0].address: must be a whole number on I2C, not text of 16 characters",
    )


ADDRESS_LIMITS = "sensors[1].address: must be a whole number from 8 to 119, or 16 hexadecimal digits, not 7"


def test_pins_of_buses_and_sensors_serve_once():
    only_fault(shaken(cs=5), "sensors[1].cs: pin 5 is already buses.i2c0.scl; choose another")
    only_fault(shaken(int1=17), "sensors[1].int1: pin 17 is already sensors[1].cs; choose another")


def test_the_driver_refuses_what_its_chip_cannot_do():
    only_fault(
        shaken(bus="i2c0", cs=None, odr=3200), "sensors[1].odr: I2C carries 800 Hz (at 400000 Hz); wire it to SPI for more"
    )
    only_fault(
        shaken(period_ms=1000), "sensors[1].period_ms: must be at least 1920: a window of 1280 ms, and time for the others"
    )

    only_fault(
        shaken(slow=True, period_ms=5000),
        "sensors[1].period_ms: must be at least 7687: a window of 5125 ms, and time for the others",
    )
    only_fault(shaken(slow=True, odr=1600, period_ms=9000), "sensors[1].odr: must be 3200 or 800 for a slow machine")

    def at_1_mhz(settings):
        shaken()(settings)
        settings["buses"]["spi0"]["freq"] = 1000000

    only_fault(at_1_mhz, "sensors[1].bus: freq of its bus must be from 2000000 to 5000000 for 3200 Hz")


def test_a_point_lets_one_quantity_be_measured_twice():
    second = {"driver": "bme280", "bus": "i2c0", "address": 119, "point": "gearbox"}
    found = changed(lambda s: s["sensors"].append(second))
    assert found.sensors[0].names == ["temperature", "pressure", "humidity"]
    assert found.sensors[1].names == ["temperature.gearbox", "pressure.gearbox", "humidity.gearbox"]
    for bad in ("Gear box", "a.b", "a/b", "", "x" * 25):
        assert faults(put("sensors", 0, "point", bad))[0].startswith("sensors[0].point: must "), bad


def test_qos_is_0_1_or_2():
    for bad, shown in ((3, "3"), (-1, "-1"), (True, "true"), ("1", "text of 1 characters"), (1.0, "1.0")):
        only_fault(
            put("sensors", 0, "qos", bad),
            "sensors[0].qos: must be 0, 1 or 2, or an object with one for each quantity, not " + shown,
        )
        only_fault(put("sensors", 0, "qos", {"pressure": bad}), "sensors[0].qos.pressure: must be 0, 1 or 2, not " + shown)


def test_qos_of_an_unknown_quantity_names_the_known_ones():
    only_fault(
        put("sensors", 0, "qos", {"temprature": 1}),
        "sensors[0].qos.temprature: is no quantity of this sensor; it has temperature, pressure, humidity",
    )


def test_qos_is_one_for_all_or_by_quantity():
    settings = good()
    settings["sensors"][0]["qos"] = 2
    assert parse(settings).sensors[0].qos == {"temperature": 2, "pressure": 2, "humidity": 2}
    settings["sensors"][0]["qos"] = {"humidity": 0}
    assert parse(settings).sensors[0].qos == {"temperature": 1, "pressure": 1, "humidity": 0}
