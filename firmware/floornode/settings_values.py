"""The values of the settings, each by its rule: taken, or a fault that says what is wanted instead."""

from .contract import text, topics
from .section import Section
from .sensors import DRIVERS
from .sensors import load as driver
from .settings_rules import ADDRESS_MAX, ADDRESS_MIN, BUSES, REQUIRED, SECTIONS


def section(name, found, path, faults):
    """A Section of what was found, with None where that was wrong; None if it is no object at all."""
    if not isinstance(found, dict):
        faults.append("%s: must be an object, not %s" % (path or "settings", kind_of(found)))
        return None
    more = _more(name, found)
    rules = SECTIONS[name] + (more or ())
    known = [rule[0] for rule in rules]
    prefix = path + "." if path else ""
    for key in sorted(found):
        if key not in known and more is not None:
            faults.append("%s%s: is unknown; known are %s" % (prefix, named(key), ", ".join(known)))
    made = Section()
    for rule in rules:
        value = found.get(rule[0])
        if value is None:
            value = rule[2]
        if value is REQUIRED and found.get(rule[0]) is None:
            faults.append("%s%s: is missing; add %s" % (prefix, rule[0], _wanted(rule)))
            value = None
        if value is not None:
            value = _value(rule, value, prefix + rule[0], faults)
        setattr(made, rule[0], value)
    return made


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
        return section(key, value, where, faults)
    if kind in ("sections", "list"):
        return _sections(rule, value, where, faults)
    if kind == "qos":
        return value  # depends on the driver: settings_hardware
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
    faults.append("%s: must be %s, not %s" % (where, _wanted(rule), kind_of(value)))
    return None


def _sections(rule, value, where, faults):
    key, kind, _default, low, high = rule
    if not isinstance(value, dict if kind == "sections" else list) or not low <= len(value) <= high:
        faults.append("%s: must be %s, not %s" % (where, _wanted(rule), kind_of(value)))
        return None
    if kind == "sections":
        return {name: section(key, value[name], "%s.%s" % (where, named(name)), faults) for name in sorted(value)}
    return [section(key, item, "%s[%d]" % (where, i), faults) for i, item in enumerate(value)]


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


def _is_address(value):
    if isinstance(value, str):
        return len(value) == 16 and not [char for char in value if char not in "0123456789abcdefABCDEF"]
    return isinstance(value, int) and not isinstance(value, bool) and ADDRESS_MIN <= value <= ADDRESS_MAX


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


def kind_of(value):
    """What ``value`` is, without giving away a text: one in the wrong place may be a password."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, (int, float)):
        return text.shown(value)
    for kind, name in ((str, "text of %d characters"), (dict, "an object of %d"), (list, "a list of %d")):
        if isinstance(value, kind):
            return name % len(value)


def named(name):
    """The name of a key, a driver, a bus or a quantity, as it is shown: quoted unless it is a plain word."""
    for char in name:
        if not (char.isalpha() or char.isdigit() or char in "_-"):
            return text.shown(name)
    return name if name and len(name) <= text.MAX_SHOWN else text.shown(name)
