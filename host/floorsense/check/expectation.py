"""What a person expects of a floor, as a TOML file.

[boards."factory/floor-2/machine-42".temperature]
period = 1.0        # seconds
low = 10            # the value's own limits here, narrower than the quantity's
high = 85
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from floornode.contract import quantities
from floornode.contract.quantities import Quantity
from floorsense.errors import UsageError

_KEYS = ("period", "low", "high")


@dataclass
class Expectation:
    """``boards``: name to quantity to its keys."""

    boards: dict[str, dict[str, dict[str, float]]] = field(default_factory=dict)

    def span(self, topic: str, kind: Quantity) -> tuple[float, float]:
        """The values that are right on ``topic``, in the unit."""
        name, _, leaf = topic.rpartition("/")
        known = self.boards.get(name, {}).get(leaf, {})
        return known.get("low", kind.low), known.get("high", kind.high)

    def periods(self, board: str) -> dict[str, float]:
        return {name: one["period"] for name, one in self.boards.get(board, {}).items() if "period" in one}

    @classmethod
    def load(cls, path: Path) -> "Expectation":
        """Raises UsageError with all that is wrong in the file."""
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"--expect {path}: {error.strerror}") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"--expect {path}: {error}") from error
        faults: list[str] = [f"unknown '{key}'; the file has [boards]" for key in found if key != "boards"]
        boards = found.get("boards", {})
        if not isinstance(boards, dict) or not boards:
            faults.append('no boards; write [boards."SITE/FLOOR/MACHINE".QUANTITY]')
            boards = {}
        for name, wanted in boards.items():
            if name.count("/") != 2:
                faults.append(f"board '{name}' is not SITE/FLOOR/MACHINE")
            faults += _faults_of(name, wanted)
        if faults:
            raise UsageError(f"--expect {path}: " + "; ".join(faults))
        return cls(boards)


def _faults_of(board: str, wanted: Any) -> list[str]:
    if not isinstance(wanted, dict):
        return [f"board '{board}' lists no quantities"]
    faults = []
    for name, keys in wanted.items():
        try:
            quantities.quantity(name)
        except ValueError as error:
            faults.append(f"board '{board}': {error}")
            continue
        for key, value in keys.items() if isinstance(keys, dict) else [("", None)]:
            if key not in _KEYS:
                faults.append(f"{board}/{name}: unknown '{key}'; known are {', '.join(_KEYS)}")
            elif isinstance(value, bool) or not isinstance(value, (int, float)):
                faults.append(f"{board}/{name}: {key} is not a number")
    return faults
