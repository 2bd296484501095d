"""Readings and status messages as JSON Schemas. They let pass exactly what the contract's ``decode`` lets pass."""

from typing import Any

from floornode.contract import CONTRACT
from floornode.contract.decoding import COUNT, HEALTH, MAX_COUNT, MAX_TS, WHOLE, WORD
from floornode.contract.points import MAX_POINT
from floornode.contract.quantities import MAX_VALUE, QUANTITIES, Quantity
from floornode.contract.reading import FAULT, QUALITIES
from floornode.contract.status import COUNTED, CRASH, LOST, ONLINE, SAFE, STOPPED
from floornode.contract.topics import MARK, STATUS

Schema = dict[str, Any]

# A measuring point, where a quantity's name has one.
POINT = rf"(\.[a-z0-9_-]{{1,{MAX_POINT}}})?"

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_COUNT}
_MEASURED: Schema = {"type": "number", "exclusiveMinimum": -MAX_VALUE, "exclusiveMaximum": MAX_VALUE}
_SECONDS: Schema = {"type": "number", "minimum": 0, "exclusiveMaximum": MAX_TS}


def reading() -> Schema:
    """Any reading: one definition a quantity, by its name."""
    return {
        "$schema": DIALECT,
        "title": "A reading",
        "description": "The payload on SITE/FLOOR/MACHINE/QUANTITY[.POINT]; $defs has one definition for each quantity.",
        "anyOf": [{"$ref": f"#/$defs/{kind.name}"} for kind in QUANTITIES],
        "$defs": {kind.name: reading_of(kind) for kind in QUANTITIES},
    }


def reading_of(kind: Quantity) -> Schema:
    """A reading of one quantity. It lets pass exactly what ``decode_reading`` lets pass."""
    fault = {"required": ["quality"], "properties": {"quality": {"contains": {"const": dict(QUALITIES)[FAULT]}}}}
    features: Schema = {"type": "object"}
    if kind.features:
        features["description"] = "Further numbers of the same window. One that is missing was not measured."
        features["properties"] = {
            name: {**_MEASURED, "description": f"in {unit or 'no unit'}, steps of {10**-decimals:.{decimals}f}"}
            for name, unit, decimals in kind.features
        }
    return {
        "title": f"A reading of {kind.name}",
        "type": "object",
        "required": ["value", "unit", "ts"],
        "properties": {
            "value": {
                **_MEASURED,
                "type": ["number", "null"],
                "description": f"In {kind.unit}, steps of {10**-kind.decimals:.{kind.decimals}f}; "
                f"{kind.low} to {kind.high} is plausible. null beside a sensor fault.",
            },
            "unit": {"const": kind.unit},
            "ts": {
                **_SECONDS,
                "description": "Unix time in seconds of the end of the conversion or window; seconds since the board's "
                "start beside the quality clock-not-set.",
            },
            "boot": {
                **_COUNT,
                "description": "The board's starts, counted. With topic and seq: the reading's identity.",
            },
            "seq": {
                **_COUNT,
                "description": "The readings of this topic in this boot, counted from 0. A gap is a loss.",
            },
            "quality": {
                "type": "array",
                "minItems": 1,
                "items": {"enum": [name for _bit, name in QUALITIES]},
                "description": "What is wrong; absent when nothing is.",
            },
            "reason": {"type": "string", "description": "Of a sensor fault, for people."},
            "features": features,
        },
        "allOf": [
            {
                "if": fault,
                "then": {"properties": {"value": {"type": "null"}}},
                "else": {"properties": {"value": {"type": "number"}}},
            },
            {"if": {"required": ["boot"]}, "then": {"required": ["seq"]}},
            {"if": {"required": ["seq"]}, "then": {"required": ["boot"]}},
        ],
    }


def status() -> Schema:
    """Birth, will and last word. It lets pass exactly what ``decode_status`` lets pass."""
    return {"$schema": DIALECT, **status_body()}


def status_body() -> Schema:
    """The same without its head, to be part of another document."""
    known = {
        f"^{kind.name}{POINT}$": {**_SERIES, "properties": {**_SERIES["properties"], "unit": {"const": kind.unit}}}
        for kind in QUANTITIES
    }
    return {
        "title": "The status of a board",
        "description": f"The retained payload on SITE/FLOOR/MACHINE/{STATUS}.",
        "type": "object",
        "required": ["status", "boot"],
        "properties": {
            "status": {"enum": [ONLINE, SAFE, LOST, STOPPED]},
            "boot": {**_COUNT, "description": "Of this life of the board, so that a will that comes late is known."},
            "ts": {**_SECONDS, "type": ["number", "null"], "description": "null while the clock is not set."},
            "firmware": {"type": "string"},
            "contract": {"type": "integer", "minimum": 0, "maximum": CONTRACT},
            "board": {"type": "string", "description": "As MicroPython names it, e.g. RPI_PICO_W."},
            "trouble": {
                "type": "string",
                "description": "Why the connection or attempt before this one failed, e.g. refused, silent, dropped.",
            },
            "dropped": {
                "type": "object",
                "additionalProperties": _COUNT,
                "description": "Readings this boot has given up, by quantity.",
            },
            "dropped_between": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": _SECONDS, "minItems": 2, "maxItems": 2},
                "description": "The ts of the first and the last of them.",
            },
            "reset": {"type": "string", "description": "Why this boot began: power-on, watchdog, reset, deep-sleep, unknown."},
            "settings": {"type": "string", "description": "last-good where the given settings are damaged, else absent."},
            "reason": {"type": "string", "description": "Why it is in safe mode, or what is wrong with its settings."},
            "crash": {
                "type": "object",
                "description": "The last crash: its boot, how many in a row, seconds since its start, what ran, the error.",
                "properties": {name: _COUNT if name in COUNTED else {"type": "string"} for name in CRASH},
            },
        },
        "if": {"properties": {"status": {"enum": [ONLINE, SAFE]}}},
        "then": {
            "required": ["readings"],
            "properties": {"readings": {"type": "object", "patternProperties": known, "additionalProperties": _SERIES}},
        },
    }


def health() -> Schema:
    """The health message. It lets pass exactly what ``decode_health`` lets pass."""
    return {"$schema": DIALECT, **health_body()}


def health_body() -> Schema:
    """The same without its head."""
    properties: Schema = {}
    for name, kind, unit, may_be_null, meaning in HEALTH:
        one: Schema = {WORD: {"type": "string"}, COUNT: _COUNT, WHOLE: {**_MEASURED, "type": "integer"}}.get(kind, _MEASURED)
        one = {**(_SECONDS if name == "ts" else one), "description": f"{meaning} ({unit})" if unit else meaning}
        if may_be_null:
            one["type"] = [one["type"], "null"]
        properties[name] = one
    return {
        "title": "The health of a board",
        "description": "The payload on SITE/FLOOR/MACHINE/health. What counts counts from the board's start.",
        "type": "object",
        "required": ["boot", "uptime"],
        "properties": properties,
    }


def mark() -> Schema:
    """What the storage holds of a machine's readings. Order and overlap of gaps are checked by ``mark.decode`` alone."""
    return {"$schema": DIALECT, **mark_body()}


def mark_body() -> Schema:
    """The same without its head, to be part of another document."""
    return {
        "title": "The end-to-end mark of a machine",
        "description": f"The retained payload on SITE/FLOOR/MACHINE/{MARK}: of each quantity its latest boots, newest first.",
        "type": "object",
        "properties": {
            "page": {**_PAIR, "description": "Which page this is, from 1, and of how many. Left out where it is the only one."}
        },
        "additionalProperties": {"type": "array", "items": _LIFE},
    }


_PAIR: Schema = {"type": "array", "items": _COUNT, "minItems": 2, "maxItems": 2}

_LIFE: Schema = {
    "type": "object",
    "required": ["boot", "seq"],
    "properties": {
        "boot": _COUNT,
        "seq": {**_COUNT, "minimum": -1, "description": "Up to it nothing is missing; -1: even 0 is."},
        "gaps": {
            "type": "array",
            "items": _PAIR,
            "description": "First and last of each stretch above seq that is not stored, ascending.",
        },
        "top": {**_COUNT, "minimum": -1, "description": "The highest that is stored; seq where there are no gaps."},
    },
}

_SERIES: Schema = {
    "type": "object",
    "required": ["unit", "period", "qos"],
    "properties": {
        "unit": {"type": "string"},
        "sensor": {"type": "string"},
        "period": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": MAX_VALUE, "description": "Seconds."},
        "qos": {"type": "integer", "minimum": 0, "maximum": 2},
    },
}
