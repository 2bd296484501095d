"""Buses, sensors and light of the settings: whether each is there, none is used twice, and what sensors publish."""

from .sensors import DRIVERS
from .sensors import load as driver
from .settings_rules import BUSES, SECTIONS
from .settings_values import kind_of, named


def check_buses(buses, taken, faults):
    for name in sorted(buses):
        bus = buses[name]
        if not bus or bus.kind not in BUSES:
            continue
        where = "buses.%s." % named(name)
        if getattr(bus, "id", None) is not None:
            _take(taken, bus.kind + " id", bus.id, where + "id", faults)
        _take_pins(BUSES[bus.kind], bus, where, taken, faults)


def check_led(led, taken, faults):
    _take_pins(SECTIONS["led"], led, "led.", taken, faults)
    if (led.pin is None) == (led.name is None):
        faults.append("led: needs the number of its pin (pin) or the pin's name (name), one of the two")


def _take_pins(rules, section, where, taken, faults):
    for rule in rules:
        number = getattr(section, rule[0], None)
        if rule[1] == "pin" and number is not None:
            _take(taken, "pin", number, where + rule[0], faults)


def _take(taken, use, number, where, faults):
    if (use, number) in taken:
        faults.append("%s: %s %d is already %s; choose another" % (where, use, number, taken[use, number]))
    taken[use, number] = where


def check_sensors(sensors, buses, taken, faults):
    places = {}
    topic_of = {}
    for i, sensor in enumerate(sensors):
        where = "sensors[%d]" % i
        if not sensor:
            continue
        bus = None
        if sensor.bus and buses is not None:
            bus = buses.get(sensor.bus)
            if sensor.bus not in buses:
                names = ", ".join(named(name) for name in sorted(buses))
                faults.append("%s.bus: %s is not among the buses; there are %s" % (where, named(sensor.bus), names))
        if not sensor.driver:
            continue
        if sensor.driver not in DRIVERS:
            names = ", ".join(sorted(DRIVERS))
            faults.append("%s.driver: %s is unknown; known are %s" % (where, named(sensor.driver), names))
            continue
        cls = driver(sensor.driver)
        before = len(faults)
        sensor.options = {rule[0]: getattr(sensor, rule[0]) for rule in cls.options}
        _take_pins(SECTIONS["sensors"] + cls.options, sensor, where + ".", taken, faults)
        if bus and bus.kind:
            _check_place(sensor, bus, cls, where, places, faults)
        sensor.names = [name if sensor.point is None else "%s.%s" % (name, sensor.point) for name in cls.quantities]
        for name in sensor.names:
            if name in topic_of:
                faults.append(
                    "%s.driver: %s already measures %s; a machine has one topic for each quantity, "
                    "so name the point of this one (point)" % (where, topic_of[name], name)
                )
            topic_of[name] = where
        sensor.qos = _qos(sensor.qos, cls.quantities, where + ".qos", faults)
        if bus and bus.kind and len(faults) == before:
            fault = cls.fault(bus, sensor)
            if fault:
                faults.append("%s.%s: %s" % (where, fault[0], fault[1]))


def _check_place(sensor, bus, cls, where, places, faults):
    """Where on its bus the sensor is, by the kind of that bus."""
    kind = bus.kind
    if kind not in cls.buses:
        faults.append("%s.bus: is %s, and a %s is on %s" % (where, kind, sensor.driver, " or ".join(cls.buses)))
        return
    if kind == "spi":
        if sensor.cs is None:
            faults.append("%s.cs: is missing; add the pin that selects the sensor on its SPI bus" % where)
    elif sensor.cs is not None:
        faults.append("%s.cs: is of SPI; its bus is %s" % (where, kind))
    if kind == "i2c" and sensor.address is None:
        sensor.address = cls.address
    is_text = isinstance(sensor.address, str)
    if sensor.address is not None and (kind == "spi" or is_text != (kind == "onewire")):
        wanted = {"i2c": "a whole number on I2C", "onewire": "16 hexadecimal digits on 1-Wire", "spi": "left out on SPI"}[kind]
        faults.append("%s.address: must be %s, not %s" % (where, wanted, kind_of(sensor.address)))
        return
    if is_text:
        sensor.address = bytes.fromhex(sensor.address)
    place = (sensor.bus, sensor.cs if kind == "spi" else sensor.address)
    # Who is alone on its wire needs no address; two need two.
    alone = kind == "onewire" and [one for one in places if one[0] == sensor.bus and None in (one[1], sensor.address)]
    if place in places or alone:
        first = places.get(place) or places[alone[0]]
        text = "has this wire too; give each its address" if alone else "has this bus and address already"
        faults.append("%s.address: %s %s" % (where, first, text))
    places[place] = where
    sensor.name = "%s@%s" % (sensor.driver, _place_of(sensor))


def _place_of(sensor):
    """Where a sensor is, as reasons and the birth message name it: by its address, or by its bus."""
    address = sensor.address
    if isinstance(address, bytes):
        return "".join(["%02x" % byte for byte in address])
    return sensor.bus if address is None else "%#x" % address


def _qos(found, quantities, where, faults):
    """QoS by quantity, 1 where nothing is said."""
    if not isinstance(found, dict):
        if not _is_qos(found):
            faults.append("%s: must be 0, 1 or 2, or an object with one for each quantity, not %s" % (where, kind_of(found)))
        return dict.fromkeys(quantities, found)
    for name in sorted(found):
        place = "%s.%s" % (where, named(name))
        if name not in quantities:
            faults.append("%s: is no quantity of this sensor; it has %s" % (place, ", ".join(quantities)))
        elif not _is_qos(found[name]):
            faults.append("%s: must be 0, 1 or 2, not %s" % (place, kind_of(found[name])))
    return {name: found.get(name, 1) for name in quantities}


def _is_qos(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2
