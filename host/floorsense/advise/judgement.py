"""How a case ends: shown, failed, or not shown; and what follows from times that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

PASSED = "passed"
FAILED = "failed"
NOT_SHOWN = "not shown"

# Redials within so many seconds are no pause at all.
TIGHT_S = 0.05
# A floor of one second, less what clocks and schedulers of two processes differ by.
SECOND_S = 0.95


class Failed(Exception):
    """The device did what it must not, or not what it must."""


class Ended(Failed):
    """The device's process ended by itself."""

    def __init__(self, code: int, when: str, said: Sequence[str]) -> None:
        """``when``: what went before; ``said``: its last lines."""
        super().__init__(f"the command ended with exit code {code} {when}: {said[-1] if said else 'it said nothing'}")


class NotShown(Exception):
    """This device, or its command, cannot be asked that; the reason."""


@dataclass(frozen=True)
class Outcome:
    """One case. ``evidence``: what was said and when; ``said``: the device's own last lines."""

    case: str
    title: str
    verdict: str
    text: str
    seconds: float
    evidence: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return {
            "case": self.case,
            "title": self.title,
            "verdict": self.verdict,
            "text": self.text,
            "seconds": round(self.seconds, 1),
            "evidence": self.evidence,
            "said": self.said,
        }


def judge_growth(rounds: Sequence[Sequence[float]], least_s: float = 0.0) -> str:
    """Whether delays between attempts are a floor plus a uniform part of a growing window.

    ``rounds``: the delays in seconds of several devices side by side, the first of each after its first failure. One delay
    says nothing, for it is random; so the longest of the early ones of all devices is held against the longest of the late.
    Raises Failed with what is wrong, else returns the figures.
    """
    shown = "; ".join(", ".join(f"{one:.2f}" for one in delays) for delays in rounds) + " s"
    everything = [one for delays in rounds for one in delays]
    if min(everything) < least_s:
        raise Failed(f"it dials again after {min(everything):.2f} s, where at least {least_s:g} s were due: {shown}")
    if sorted(everything)[len(everything) // 2] < TIGHT_S:
        raise Failed(f"it dials again at once: {shown}")
    early = max(one for delays in rounds for one in delays[:2])
    late = max(one for delays in rounds for one in delays[-2:])
    if late <= early:
        raise Failed(f"the delays do not grow: {shown}")
    if len(rounds) > 1:
        columns = list(zip(*rounds, strict=False))
        # Fractions of a window differ; a table of fixed delays gives the same on each device.
        if all(max(column) - min(column) < max(TIGHT_S, 0.02 * max(column)) for column in columns):
            raise Failed(f"{len(rounds)} devices wait the same, and would come back all at once: {shown}")
    return f"delays {shown}"


def judge_restart(before: Sequence[float], after: float) -> str:
    """Whether the delay ``after`` a session that lasted starts over, ``before`` being those of short sessions.

    Raises Failed where it went on growing.
    """
    longest, early = max(before), max(before[:2])
    if after > longest:
        raise Failed(f"{after:.2f} s after a session that lasted, {longest:.2f} s at most before: it does not start over")
    if after > 2 * early + 1:
        raise NotShown(f"{after:.2f} s after a session that lasted; whether it started over does not show")
    return f"{after:.2f} s after a session that lasted"
