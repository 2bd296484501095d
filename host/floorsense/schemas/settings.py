"""The settings file as a JSON Schema, and as the rows of a table for people."""

import json
from typing import Any

from floornode.contract.points import MAX_POINT
from floornode.contract.topics import MAX_LEVEL
from floornode.sensors import DRIVERS, load
from floornode.settings_rules import ADDRESS_MAX, ADDRESS_MIN, BUSES, REQUIRED, SECTIONS

from .contract import DIALECT, Schema

# What fault_of_level refuses, its length in bytes and lone surrogates aside: neither can be said in a pattern.
LEVEL_PATTERN = r"^[^/+#$\u0000-\u001f\u007f-\u009f][^/+#\u0000-\u001f\u007f-\u009f]*$"


def schema() -> Schema:
    """The settings file, as far as a schema can say it; what depends on two places is checked by the firmware alone."""
    return {
        "$schema": DIALECT,
        "title": "settings.json of a board",
        **_section("settings"),
    }


def _section(name: str) -> Schema:
    schema = _object(SECTIONS[name])
    if name == "buses":
        return _by("kind", schema, BUSES)
    if name == "sensors":
        return _by("driver", schema, {driver: load(driver).options for driver in sorted(DRIVERS)})
    return {**schema, "additionalProperties": False}


def _object(rules: tuple[Any, ...]) -> Schema:
    return {
        "type": "object",
        "required": [rule[0] for rule in rules if rule[2] == REQUIRED],
        "properties": {rule[0]: _or_null(rule, _setting(rule)) for rule in rules},
    }


def _by(key: str, schema: Schema, more: dict[str, Any]) -> Schema:
    """A section that has more settings, by what its ``key`` says; the first kind is meant where a key with a default is not
    there."""
    common = schema["properties"]
    default = next((row[2] for row in SECTIONS["buses"] if row[0] == key), None)
    kinds = []
    for name, rules in more.items():
        extra = _object(rules)
        condition: Schema = {"properties": {key: {"enum": [name, None] if name == default else [name]}}}
        if name != default:
            condition["required"] = [key]
        kinds.append(
            {
                "if": condition,
                "then": {**extra, "propertyNames": {"enum": [*common, *extra["properties"]]}},
            }
        )
    return {**schema, "allOf": kinds}


def _setting(rule: tuple[Any, ...]) -> Schema:
    key, kind = rule[:2]
    if kind == "level":
        return {"type": "string", "minLength": 1, "maxLength": MAX_LEVEL, "pattern": LEVEL_PATTERN}
    if kind == "point":
        return {"type": "string", "pattern": f"^[a-z0-9_-]{{1,{MAX_POINT}}}$"}
    if kind == "section":
        return _section(key)
    if kind == "flag":
        return {"type": "boolean"}
    if kind == "qos":
        one = {"type": "integer", "minimum": 0, "maximum": 2}
        return {"anyOf": [one, {"type": "object", "additionalProperties": one}]}
    if kind == "choice":
        return {"enum": list(rule[3])}
    if kind == "address":
        number = {"type": "integer", "minimum": ADDRESS_MIN, "maximum": ADDRESS_MAX}
        return {"anyOf": [number, {"type": "string", "pattern": "^[0-9A-Fa-f]{16}$"}]}
    low, high = rule[3:]
    if kind in ("whole", "pin"):
        return {"type": "integer", "minimum": low, "maximum": high}
    if kind == "sections":
        return {"type": "object", "minProperties": low, "maxProperties": high, "additionalProperties": _section(key)}
    if kind == "list":
        return {"type": "array", "minItems": low, "maxItems": high, "items": _section(key)}
    if key == "driver":
        return {"enum": sorted(DRIVERS)}
    # The limits are bytes; a schema counts characters, of which each has one to four.
    text = {"type": "string", "minLength": -(-low // 4), "maxLength": high}
    return {**text, "writeOnly": True} if kind == "secret" else text


def _or_null(rule: tuple[Any, ...], setting: Schema) -> Schema:
    """A key that may be left out may be null as well."""
    default = rule[2]
    if default == REQUIRED:
        return setting
    optional: Schema = {"anyOf": [setting, {"type": "null"}]}
    if isinstance(default, int | str):
        optional["default"] = default
    return optional


def rows() -> list[tuple[str, str, str]]:
    """Every setting as ``(path, what it must be, default)``, in the order of docs/settings.md: what every board has, then
    what the kinds of bus and the drivers have besides."""
    table = _rows(SECTIONS["settings"], "")
    for kind in BUSES:
        table += _rows(BUSES[kind], "buses.NAME.")
    for driver in sorted(DRIVERS):
        table += _rows(load(driver).options, "sensors[].")
    return table


def _rows(rules: tuple[Any, ...], path: str) -> list[tuple[str, str, str]]:
    table = []
    for rule in rules:
        key, kind, default, *limits = rule
        where = path + key
        if kind == "qos":
            what = "0, 1 or 2; or an object of these by quantity"
        elif kind == "level":
            what = f"text, at most {MAX_LEVEL} bytes"
        elif kind == "point":
            what = f"text, 1 to {MAX_POINT} of `a-z`, `0-9`, `-`, `_`"
        elif kind == "address":
            what = f"whole number, {ADDRESS_MIN} to {ADDRESS_MAX}; or 16 hexadecimal digits"
        elif kind == "choice":
            what = "one of " + ", ".join(str(one) for one in limits[0])
        elif kind == "section":
            what = "object"
        elif kind == "flag":
            what = "true or false"
        elif kind in ("sections", "list"):
            what = f"{'object' if kind == 'sections' else 'list'} of {limits[0]} to {limits[1]}"
        else:
            what = f"{'whole number' if kind in ('whole', 'pin') else 'text'}, {limits[0]} to {limits[1]}"
            what += "" if kind in ("whole", "pin") else " bytes"
        shown = "required" if default == REQUIRED else "none" if default is None else json.dumps(default)
        table.append((where, what, shown))
        if kind in ("section", "sections", "list"):
            inner = {"section": ".", "sections": ".NAME.", "list": "[]."}[kind]
            table += _rows(SECTIONS[key], where + inner)
    return table
