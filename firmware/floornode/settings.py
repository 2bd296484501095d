"""The provisioned settings of a board: one JSON file, validated whole, refused with all its faults at once.

A fault is one line, ``where: what is wrong and what to do``. It never shows a text somebody wrote into the file, other
than the name of a key, a driver, a bus or a quantity: any other may be a password in the wrong place.
"""

import io
import json
import os

from .contract import text, topics
from .section import Section
from .sensors import DRIVERS
from .sensors import load as driver
from .settings_rules import ADDRESS_MAX, ADDRESS_MIN, BUSES, REQUIRED, SECTIONS

# A full file has about 1 KB. It is held in RAM twice while it is read.
MAX_BYTES = 16384


class SettingsError(ValueError):
    """The settings cannot be used. ``faults`` is the list of all that is wrong, a line each."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))
        self.faults = faults


def load(path):
    """The settings in the file ``path``. Raises SettingsError."""
    try:
        size = os.stat(path)[6]
        data = b""
        # Asked first: MicroPython allocates what it is asked to read at most.
        if size <= MAX_BYTES:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        what = "is not there" if error.args[0] == 2 else "cannot be read (error %s)" % error.args[0]
        raise SettingsError(["%s: %s; provision the board" % (path, what)])
    if size > MAX_BYTES:
        raise SettingsError(["%s: is larger than %d bytes; this is no settings file" % (path, MAX_BYTES)])
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]  # the mark that Windows editors put first
    try:
        data.decode()
    except ValueError:
        raise SettingsError(["%s: is not UTF-8; save it as UTF-8 text" % path])
    stream = io.BytesIO(data)
    try:
        found = json.load(stream)
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply
        # CPython tells where; MicroPython stops reading there.
        line = getattr(error, "lineno", None) or data[: stream.tell()].count(b"\n") + 1
        raise SettingsError(["%s: is not JSON, line %d or just before it; correct it" % (path, line)])
    return parse(found)


def parse(found):
    """The settings in ``found`` (decoded JSON): a Section with the keys of settings_rules as attributes.

    Left-out keys have their defaults. ``buses`` is a dict of Sections, ``sensors`` a list of them, each with ``qos`` as
    a dict of quantity to QoS, ``address`` filled in (bytes on 1-Wire), ``name`` as people are told it, ``names`` of what it
    publishes, in the order of the driver's quantities, and ``options`` of its driver, by name. ``wifi`` is None on a wired
    board; ``broker.port`` is 1883, by TLS 8883, where none is named, and ``time.server`` the broker's host;
    ``outbox_capacity`` is short for ``outbox.capacity``.
    Raises SettingsError.
    """
    faults = []
    settings = _section("settings", found, "", faults)
    if settings:
        _check_broker(settings, faults)
        taken = {}
        _check_buses(settings.buses or {}, taken, faults)
        _check_sensors(settings.sensors or [], settings.buses, taken, faults)
        if settings.led:
            _take_pins(SECTIONS["led"], settings.led, "led.", taken, faults)
            if (settings.led.pin is None) == (settings.led.name is None):
                faults.append("led: needs the number of its pin (pin) or the pin's name (name), one of the two")
    if faults:
        raise SettingsError(faults)
    settings.outbox_capacity = settings.outbox.capacity
    if settings.time.server is None:
        settings.time.server = settings.broker.host
    if settings.broker.client_id is None:
        settings.broker.client_id = "-".join((settings.site, settings.floor, settings.machine))
    return settings


def _section(name, found, path, faults):
    """A Section of what was found, with None where that was wrong; None if it is no object at all."""
    if not isinstance(found, dict):
        faults.append("%s: must be an object, not %s" % (path or "settings", _kind(found)))
        return None
    more = _more(name, found)
    rules = SECTIONS[name] + (more or ())
    known = [rule[0] for rule in rules]
    prefix = path + "." if path else ""
    for key in sorted(found):
        if key not in known and more is not None:
            faults.append("%s%s: is unknown; known are %s" % (prefix, _named(key), ", ".join(known)))
    section = Section()
    for rule in rules:
        value = found.get(rule[0])
        if value is None:
            value = rule[2]
        if value is REQUIRED and found.get(rule[0]) is None:
            faults.append("%s%s: is missing; add %s" % (prefix, rule[0], _wanted(rule)))
            value = None
        if value is not None:
            value = _value(rule, value, prefix + rule[0], faults)
        setattr(section, rule[0], value)
    return section


def _more(name, found):
    """The rules that a section has besides, by what it says it is; None where that is unknown, and any key may be right."""
    if name == "buses":
        return BUSES.get(_word(found.get("kind") or "i2c"))
    if name == "sensors":
        kind = _word(found.get("driver"))
        return driver(kind).options if kind in DRIVERS else None
    return ()


def _word(value):
    """``value`` if it is a text, for a list cannot be looked up."""
    return value if isinstance(value, str) else None


def _value(rule, value, where, faults):
    """``value`` as the rule wants it, or None and a fault."""
    key, kind = rule[:2]
    if kind == "section":
        return _section(key, value, where, faults)
    if kind in ("sections", "list"):
        return _sections(rule, value, where, faults)
    if kind == "qos":
        return value  # depends on the driver: _check_sensors
    if kind == "choice":
        # A board takes True for 1.
        good = not isinstance(value, bool) and value in rule[3]
    elif kind == "address":
        good = _is_address(value)
    elif kind in ("whole", "pin"):
        good = isinstance(value, int) and not isinstance(value, bool) and rule[3] <= value <= rule[4]
    elif kind == "flag":
        good = isinstance(value, bool)
    elif not isinstance(value, str):
        good = False
    else:
        fault = _fault_of_text(value, kind)
        if fault:
            faults.append("%s: %s" % (where, fault))
            return None
        good = kind in ("level", "point") or rule[3] <= len(value.encode()) <= rule[4]
    if good:
        return value
    faults.append("%s: must be %s, not %s" % (where, _wanted(rule), _kind(value)))
    return None


def _sections(rule, value, where, faults):
    key, kind, _default, low, high = rule
    if not isinstance(value, dict if kind == "sections" else list) or not low <= len(value) <= high:
        faults.append("%s: must be %s, not %s" % (where, _wanted(rule), _kind(value)))
        return None
    if kind == "sections":
        return {name: _section(key, value[name], "%s.%s" % (where, _named(name)), faults) for name in sorted(value)}
    return [_section(key, item, "%s[%d]" % (where, i), faults) for i, item in enumerate(value)]


def _fault_of_text(value, kind):
    """Why the text cannot be what it is for, or None when it can. The length is asked for where a rule has limits."""
    if kind == "level":
        return topics.fault_of_level(value)
    if kind == "point":
        from .contract.points import fault_of_point

        return fault_of_point(value)
    for char in value:
        if ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000:
            return "must not contain control characters"
    if kind == "host" and ("/" in value or " " in value or "@" in value or value.count(":") == 1):
        return "must be a bare name or address; scheme, user and port do not belong here"
    return None


def _check_broker(settings, faults):
    broker = settings.broker
    if not broker:
        return
    if broker.password is not None and broker.user is None:
        faults.append("broker.password: needs broker.user beside it (MQTT 3.1.1, section 3.1.2.9)")
    if broker.port is None:
        # What IANA has for MQTT, and for MQTT by TLS.
        broker.port = 1883 if broker.tls is None else 8883
    if broker.tls and (broker.tls.cert is None) != (broker.tls.key is None):
        faults.append("broker.tls: has one of cert and key; a certificate needs its key beside it, so add the other or neither")
    outbox = settings.outbox
    if outbox and outbox.end_to_end and outbox.durability == "ram":
        faults.append("outbox.end_to_end: needs the flash; make outbox.durability outage or always")
    # What was in flight returns to the outbox when the link breaks.
    if outbox and outbox.capacity and broker.window and outbox.capacity < broker.window:
        faults.append("outbox.capacity: must be at least broker.window, which is %d" % broker.window)


def _check_buses(buses, taken, faults):
    for name in sorted(buses):
        bus = buses[name]
        if not bus or bus.kind not in BUSES:
            continue
        where = "buses.%s." % _named(name)
        if getattr(bus, "id", None) is not None:
            _take(taken, bus.kind + " id", bus.id, where + "id", faults)
        _take_pins(BUSES[bus.kind], bus, where, taken, faults)


def _take_pins(rules, section, where, taken, faults):
    for rule in rules:
        number = getattr(section, rule[0], None)
        if rule[1] == "pin" and number is not None:
            _take(taken, "pin", number, where + rule[0], faults)


def _take(taken, use, number, where, faults):
    if (use, number) in taken:
        faults.append("%s: %s %d is already %s; choose another" % (where, use, number, taken[use, number]))
    taken[use, number] = where


def _check_sensors(sensors, buses, taken, faults):
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
                names = ", ".join(_named(name) for name in sorted(buses))
                faults.append("%s.bus: %s is not among the buses; there are %s" % (where, _named(sensor.bus), names))
        if not sensor.driver:
            continue
        if sensor.driver not in DRIVERS:
            names = ", ".join(sorted(DRIVERS))
            faults.append("%s.driver: %s is unknown; known are %s" % (where, _named(sensor.driver), names))
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
        faults.append("%s.address: must be %s, not %s" % (where, wanted, _kind(sensor.address)))
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
            faults.append("%s: must be 0, 1 or 2, or an object with one for each quantity, not %s" % (where, _kind(found)))
        return dict.fromkeys(quantities, found)
    for name in sorted(found):
        place = "%s.%s" % (where, _named(name))
        if name not in quantities:
            faults.append("%s: is no quantity of this sensor; it has %s" % (place, ", ".join(quantities)))
        elif not _is_qos(found[name]):
            faults.append("%s: must be 0, 1 or 2, not %s" % (place, _kind(found[name])))
    return {name: found.get(name, 1) for name in quantities}


def _is_address(value):
    if isinstance(value, str):
        return len(value) == 16 and not [char for char in value if char not in "0123456789abcdefABCDEF"]
    return isinstance(value, int) and not isinstance(value, bool) and ADDRESS_MIN <= value <= ADDRESS_MAX


def _is_qos(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 2


def _wanted(rule):
    kind = rule[1]
    if kind in ("whole", "pin"):
        return "a whole number from %d to %d" % rule[3:5]
    if kind == "choice":
        return "one of " + ", ".join(str(one) for one in rule[3])
    if kind == "address":
        return "a whole number from %d to %d, or 16 hexadecimal digits" % (ADDRESS_MIN, ADDRESS_MAX)
    if kind in ("text", "secret", "host"):
        return "text of %d to %d bytes" % rule[3:5]
    if kind == "level":
        return "text: one level of a topic, at most %d bytes" % topics.MAX_LEVEL
    if kind == "section":
        return "an object"
    if kind == "flag":
        return "true or false"
    return "%s of %d to %d" % ("an object" if kind == "sections" else "a list", rule[3], rule[4])


def _kind(value):
    """What ``value`` is, without giving away a text: one in the wrong place may be a password."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return text.shown(value)
    for kind, name in ((str, "text of %d characters"), (dict, "an object of %d"), (list, "a list of %d")):
        if isinstance(value, kind):
            return name % len(value)


def _named(name):
    """The name of a key, a driver, a bus or a quantity, as it is shown: quoted unless it is a plain word."""
    for char in name:
        if not (char.isalpha() or char.isdigit() or char in "_-"):
            return text.shown(name)
    return name if name and len(name) <= text.MAX_SHOWN else text.shown(name)
