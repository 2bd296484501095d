"""What JSON data must look like, as data; and all that is wrong with some, each fault with its place.

A shape is a dict (an object with these keys and no other), a list of one shape (a list of such), or a function that
says what a value must be, or None when it is that.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Check = Callable[[Any], str | None]


@dataclass(frozen=True)
class OrNull:
    shape: Any


@dataclass(frozen=True)
class ChosenBy:
    key: str
    shapes: dict[str, dict[str, Any]]


def or_null(shape: Any) -> OrNull:
    """The shape, or null."""
    return OrNull(shape)


def chosen_by(key: str, shapes: dict[str, dict[str, Any]]) -> ChosenBy:
    """An object whose member ``key`` names the shape that it has."""
    return ChosenBy(key, shapes)


def text(value: Any) -> str | None:
    return None if isinstance(value, str) and value else "must be text"


def texts(value: Any) -> str | None:
    good = isinstance(value, dict) and not any(text(item) for item in value.values())
    return None if good else "must be an object of texts"


def count(value: Any) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if good else "must be a whole number, not negative"


def hexadecimal(digits: int) -> Check:
    """Text such as "0x1F", with at most so many digits; ``number`` reads it."""

    def check(value: Any) -> str | None:
        good = isinstance(value, str) and re.fullmatch(rf"0x[0-9A-F]{{1,{digits}}}", value)
        return None if good else f'must be text of "0x" and at most {digits} hexadecimal digits'

    return check


def number(text: str) -> int:
    return int(text, 16)


def one_of(*values: Any) -> Check:
    return lambda value: None if value in values else f"must be one of {', '.join(map(str, values))}"


def pattern(value: Any) -> str | None:
    try:
        re.compile(value)
    except (re.error, TypeError):
        return "must be a regular expression"
    return None


def faults(found: Any, shape: Any, where: str = "") -> Iterator[str]:
    """All that is wrong with ``found``, as ``place: what``."""
    if isinstance(shape, OrNull):
        if found is not None:
            yield from faults(found, shape.shape, where)
    elif isinstance(shape, ChosenBy):
        choice = found.get(shape.key) if isinstance(found, dict) else None
        if isinstance(choice, str) and choice in shape.shapes:
            yield from faults(found, shape.shapes[choice], where)
        else:
            yield f"{where}.{shape.key}: must be one of {', '.join(shape.shapes)}"
    elif isinstance(shape, dict):
        yield from _faults_of_object(found, shape, where)
    elif isinstance(shape, list):
        if isinstance(found, list):
            for i, item in enumerate(found):
                yield from faults(item, shape[0], f"{where}[{i}]")
        else:
            yield f"{where}: must be a list"
    else:
        fault = shape(found)
        if fault:
            yield f"{where}: {fault}"


def _faults_of_object(found: Any, shape: dict[str, Any], where: str) -> Iterator[str]:
    if not isinstance(found, dict):
        yield f"{where or 'the file'}: must be an object"
        return
    prefix = f"{where}." if where else ""
    yield from (f"{prefix}{key}: is missing" for key in shape if key not in found)
    for key, value in found.items():
        if key in shape:
            yield from faults(value, shape[key], prefix + key)
        else:
            yield f"{prefix}{key}: is unknown (known are {', '.join(shape)})"
