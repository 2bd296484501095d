"""The settings file as a JSON Schema, and as the rows of a table for people."""

import json
from typing import Any

from floornode.contract.topics import MAX_LEVEL
from floornode.sensors import DRIVERS
from floornode.settings_rules import REQUIRED, SECTIONS

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
    rules = SECTIONS[name]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [rule[0] for rule in rules if rule[2] == REQUIRED],
        "properties": {rule[0]: _or_null(rule, _setting(rule)) for rule in rules},
    }


def _setting(rule: tuple[Any, ...]) -> Schema:
    key, kind = rule[:2]
    if kind == "level":
        return {"type": "string", "minLength": 1, "maxLength": MAX_LEVEL, "pattern": LEVEL_PATTERN}
    if kind == "section":
        return _section(key)
    if kind == "flag":
        return {"type": "boolean"}
    if kind == "qos":
        one = {"type": "integer", "minimum": 0, "maximum": 2}
        return {"anyOf": [one, {"type": "object", "additionalProperties": one}]}
    low, high = rule[3:]
    if kind == "whole":
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
    if isinstance(default, int):
        optional["default"] = default
    return optional


def rows(section: str = "settings", path: str = "") -> list[tuple[str, str, str]]:
    """Every setting as ``(path, what it must be, default)``, in the order of the rules and of docs/settings.md."""
    table = []
    for rule in SECTIONS[section]:
        key, kind, default, *limits = rule
        where = path + key
        if kind == "qos":
            what = "0, 1 or 2; or an object of these by quantity"
        elif kind == "level":
            what = f"text, at most {MAX_LEVEL} bytes"
        elif kind == "section":
            what = "object"
        elif kind == "flag":
            what = "true or false"
        elif kind in ("sections", "list"):
            what = f"{'object' if kind == 'sections' else 'list'} of {limits[0]} to {limits[1]}"
        else:
            what = f"{'whole number' if kind == 'whole' else 'text'}, {limits[0]} to {limits[1]}"
            what += "" if kind == "whole" else " bytes"
        shown = "required" if default == REQUIRED else "none" if default is None else json.dumps(default)
        table.append((where, what, shown))
        if kind in ("section", "sections", "list"):
            inner = {"section": ".", "sections": ".NAME.", "list": "[]."}[kind]
            table += rows(key, where + inner)
    return table
