"""The contract at the door: what a message is, or why it is nothing."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from floornode.contract import decoding, topics
from floornode.contract.quantities import Quantity, quantity
from floorsense.storage.arrivals import Arrival, Refused, State

# A reading with all its features has less than 700 bytes, the birth of a board with every sensor less than 4,000.
MAX_PAYLOAD = 65536
_MAX_PLACES = 100_000
# Leaves that boards and tools use between themselves, and nobody stores.
_PASSED_BY = (topics.MARK, topics.COMMAND, topics.CAPTURE)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)

_Place = tuple[str, str, Quantity | None]
"""machine, leaf, and the quantity where the leaf is one"""


_STATES: dict[str, Callable[[Any], Any]] = {topics.STATUS: decoding.decode_status, topics.HEALTH: decoding.decode_health}


class Judge:
    """Topics are looked at once and remembered; payloads each time."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def judge(self, topic: str, payload: bytes, arrived: int) -> Arrival | State | Refused | None:
        """An Arrival, a State, a Refused with its reason; None for what is not for the storage. Never raises."""
        if not payload:
            # How a retained message is deleted (MQTT 3.1.1, section 3.3.1.3).
            return None
        if len(payload) > MAX_PAYLOAD:
            return Refused.of(topic, payload, f"the payload has {len(payload)} bytes; {MAX_PAYLOAD} at most are read", arrived)
        try:
            place = self._places.get(topic) or self._find(topic)
            if place[1] in _PASSED_BY:
                return None
            return self._decode(topic, place, _read(payload), arrived)
        except ValueError as error:
            return Refused.of(topic, payload, str(error), arrived)

    def judge_fields(self, topic: str, fields: Any, payload: bytes, arrived: int) -> Arrival | State | Refused | None:
        """The same for a payload that was read already; ``payload`` is what quarantine keeps of it."""
        try:
            place = self._places.get(topic) or self._find(topic)
            return None if place[1] in _PASSED_BY else self._decode(topic, place, fields, arrived)
        except ValueError as error:
            return Refused.of(topic, payload, str(error), arrived)

    def _decode(self, topic: str, place: _Place, fields: Any, arrived: int) -> Arrival | State:
        machine, leaf, kind = place
        if kind is not None:
            return Arrival(topic, decoding.decode_reading(fields, kind), arrived)
        return State(machine, leaf, _STATES[leaf](fields), arrived)

    def _find(self, topic: str) -> _Place:
        site, floor, machine, leaf = topics.split(topic)
        kind = None if leaf in _STATES or leaf in _PASSED_BY else quantity(leaf)
        place = (f"{site}/{floor}/{machine}", leaf, kind)
        if len(self._places) < _MAX_PLACES:
            self._places[topic] = place
        return place


def _read(payload: bytes) -> Any:
    try:
        return _DECODER.decode(payload.decode())
    except UnicodeDecodeError:
        raise ValueError("the payload is no UTF-8") from None
    except RecursionError:
        raise ValueError("the payload is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"the payload is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError as error:
        # CPython's own words name a function to call.
        raise ValueError("a number in the payload has thousands of digits" if "digits" in str(error) else str(error)) from None
