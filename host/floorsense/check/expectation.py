"""What a person expects of a floor, as a TOML file.

[boards."factory/floor-2/machine-42".temperature]
period = 1.0        # seconds
qos = 1
low = 10            # the value's own limits here, narrower than the quantity's
high = 85
"""

import math
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floornode.contract import quantities, topics
from floornode.contract.quantities import Quantity
from floorsense.errors import UsageError

_KEYS = ("period", "qos", "low", "high")


@dataclass
class Expectation:
    """``boards``: name to quantity to its keys."""

    boards: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def span(self, board: str, kind: Quantity) -> tuple[float, float]:
        """The values that are right there, in the unit."""
        known = self.boards.get(board, {}).get(kind.name, {})
        return known.get("low", kind.low), known.get("high", kind.high)

    def qos(self, board: str, quantity: str) -> int | None:
        known = self.boards.get(board, {}).get(quantity, {}).get("qos")
        return None if known is None else int(known)

    def periods(self, board: str) -> dict[str, float]:
        """Seconds, by quantity."""
        return {name: one["period"] for name, one in self.boards.get(board, {}).items() if "period" in one}

    @classmethod
    def load(cls, path: Path) -> "Expectation":
        """Raises UsageError with all that is wrong in the file."""
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"--expect {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise UsageError(f"--expect {path}: not UTF-8 (byte {error.start})") from error
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"--expect {path}: not TOML: {error}") from error
        faults = [f"unknown '{key}'; the file has [boards]" for key in found if key != "boards"]
        boards = found.get("boards")
        if not isinstance(boards, dict) or not boards:
            faults.append('it names no board; write [boards."SITE/FLOOR/MACHINE".QUANTITY]')
            boards = {}
        for name, wanted in boards.items():
            faults += _faults_of_board(name, wanted)
        if faults:
            raise UsageError(f"--expect {path}: " + "; ".join(faults))
        return cls(boards)


def _faults_of_board(board: str, wanted: Any) -> list[str]:
    try:
        topics.split(f"{board}/{topics.STATUS}")
    except ValueError:
        return [f"'{board}' is not SITE/FLOOR/MACHINE; quote it: [boards.\"factory/floor-2/machine-42\".temperature]"]
    if not isinstance(wanted, dict):
        return [f"{board}: must be a table of quantities"]
    faults = []
    for name, keys in wanted.items():
        try:
            kind = quantities.quantity(name)
        except ValueError as error:
            faults.append(f"{board}: {error}")
            continue
        if isinstance(keys, dict):
            faults += _faults_of_keys(f"{board}/{name}", kind, keys)
        else:
            faults.append(f"{board}/{name}: must be a table of {', '.join(_KEYS)}")
    return faults


def _faults_of_keys(where: str, kind: Quantity, keys: dict[str, Any]) -> list[str]:
    faults = [f"{where}: unknown '{key}'; known are {', '.join(_KEYS)}" for key in keys if key not in _KEYS]
    wrong = [key for key in _KEYS if key in keys and not _is_number(keys[key])]
    faults += [f"{where}: {key} must be a number" for key in wrong]
    if "period" in keys and "period" not in wrong and keys["period"] <= 0:
        faults.append(f"{where}: period must be above 0; it is in seconds")
    if "qos" in keys and "qos" not in wrong and keys["qos"] not in (0, 1, 2):
        faults.append(f"{where}: qos must be 0, 1 or 2")
    if not {"low", "high"} & set(wrong) and keys.get("low", kind.low) > keys.get("high", kind.high):
        faults.append(f"{where}: low {keys.get('low', kind.low)} is above high {keys.get('high', kind.high)}")
    return faults


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
