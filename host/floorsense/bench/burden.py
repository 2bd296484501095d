"""What the computer has to carry that the boards are simulated on: with too much of it no simulation keeps up.

A board that streams 3200 samples a second needs its share of a processor. Where others take it, rates fall as they never
would on a board, and a verdict on them would be one on the computer.
"""

import os
from collections.abc import Sequence
from dataclasses import replace

from floorsense.check import FAULT, NOTE, Finding


class Burden:
    """``weigh`` now and then while boards run; ``excuse`` in the end."""

    def __init__(self) -> None:
        self._processors = os.cpu_count() or 1
        self._load = 0.0

    def weigh(self) -> None:
        """Take the load average of the last minute: how many processes ran or would have liked to."""
        self._load = max(self._load, os.getloadavg()[0])

    def excuse(self, findings: Sequence[Finding]) -> list[Finding]:
        """``findings``, with the rates as notes where more wanted to run than could."""
        if self._load <= self._processors:
            return list(findings)
        text = (
            f"not counted, for this computer was too busy to simulate (load {self._load:.1f} on {self._processors} processors)"
        )
        excused = [
            replace(one, severity=NOTE, text=f"{one.text}; {text}") if one.kind == "rate" and one.severity == FAULT else one
            for one in findings
        ]
        return sorted(excused, key=lambda one: one.severity != FAULT)
