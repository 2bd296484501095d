"""When each fault begins and ends: a thread that does it, whatever else the bench is at."""

import threading
import time
from collections.abc import Callable

from floorsense.bench.acts import Stage
from floorsense.bench.aftermath import Aftermath, Record
from floorsense.bench.faults import KINDS
from floorsense.errors import FloorsenseError

# No begin or end takes longer: Mosquitto is stopped within 3 s, and the bench listens again within 10.
_LAST_S = 15


class Timeline:
    """``with Timeline(...) as timeline``: the faults come at their times from now on. Leaving ends those that hold."""

    def __init__(self, stage: Stage, aftermath: Aftermath, tell: Callable[[str], None]) -> None:
        """``tell``: a line for a person."""
        self._stage = stage
        self._aftermath = aftermath
        self._tell = tell
        self._over = threading.Event()
        self._holding: list[Record] = []
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)
        self._start = 0.0

    def __enter__(self) -> "Timeline":
        self._start = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(_LAST_S)
        self._stage.duplicates.end()

    def caption(self) -> str:
        """Which faults hold now, for the live table."""
        now = time.monotonic() - self._start
        return ", ".join(
            f"{one.fault.kind} ({max(0.0, now - one.fault.at_s):.0f} of {one.fault.for_s:g} s)" for one in self._holding.copy()
        )

    def _run(self) -> None:
        steps = []
        for record in self._aftermath.records:
            steps.append((record.fault.at_s, 0, record))
            steps.append((record.fault.end_s, 1, record))
        # Stable: a fault without a span ends right after it began.
        for at_s, is_end, record in sorted(steps, key=lambda step: step[0]):
            if not self._over.wait(max(0.0, self._start + at_s - time.monotonic())):
                if is_end:
                    self._end(record)
                else:
                    self._begin(record)
        for record in self._holding.copy():
            self._end(record)

    def _begin(self, record: Record) -> None:
        self._aftermath.began(record)
        self._holding.append(record)
        if record.fault.for_s:
            self._tell(f"fault: {record.fault} begins")
        self._do(record, KINDS[record.fault.kind].begin)

    def _end(self, record: Record) -> None:
        self._do(record, KINDS[record.fault.kind].end)
        self._holding.remove(record)
        self._aftermath.ended(record)
        self._tell(f"fault: {record.fault} is over" if record.fault.for_s else f"fault: {record.fault}")

    def _do(self, record: Record, what: Callable[..., None]) -> None:
        try:
            what(self._stage, record.fault)
        except FloorsenseError as error:
            record.error = str(error)
        except Exception as error:
            # In a thread nobody would hear of it; the verdict says it.
            record.error = f"it could not be done: {type(error).__name__}: {error}"
