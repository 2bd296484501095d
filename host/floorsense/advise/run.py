"""Running cases side by side."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from threading import Event, Semaphore

from floorsense.advise.cases import CASES
from floorsense.advise.device import Command
from floorsense.advise.judgement import FAILED, NOT_SHOWN, PASSED, Ended, Failed, NotShown, Outcome
from floorsense.advise.stand import Stand
from floorsense.broker.scripted import Closed, Silence, Violation
from floorsense.errors import DeviceUnreachable, FloorsenseError

# Devices between their start and their first connection: what starting one takes must not make the others late.
_STARTS = 2 * (os.cpu_count() or 1)
_LOOK_S = 0.25


def run(
    command: Command,
    cases: Sequence[str],
    patience: float,
    at_once: int,
    stopped: Event,
    look: Callable[[Sequence[str], Sequence[Outcome]], None] = lambda _running, _done: None,
) -> list[Outcome]:
    """Run ``cases``, at most ``at_once`` at a time, until ``stopped``. Outcomes in the order of ``cases``.

    ``look`` is called several times a second with the cases that run and what is done. Raises UsageError for a command that
    cannot be started, and DeviceUnreachable for one that never connects: each case would only say so again.
    """
    starts = Semaphore(_STARTS)
    if any(CASES[name].asks for name in cases):
        look(["the first connection"], [])
        _meet(command, patience, starts, stopped)
    done: list[Outcome] = []
    running: list[str] = []

    def one(name: str) -> Outcome:
        running.append(name)
        try:
            return _run_one(name, command, patience, starts, stopped)
        finally:
            running.remove(name)

    with ThreadPoolExecutor(at_once) as pool:
        # The longest first.
        order = sorted(cases, key=lambda name: name not in ("T02", "T05"))
        tasks = {pool.submit(one, name) for name in order}
        left = tasks
        try:
            while left:
                ready, left = wait(left, _LOOK_S, FIRST_COMPLETED)
                done += [task.result() for task in ready]
                look(list(running), done)
        except FloorsenseError:
            stopped.set()
            raise
    return sorted(done, key=lambda outcome: cases.index(outcome.case))


def _meet(command: Command, patience: float, starts: Semaphore, stopped: Event) -> None:
    """See that the device connects at all. Raises DeviceUnreachable."""
    with Stand(command, patience, starts, stopped) as stand:
        try:
            stand.first(stand.broker())
        except Failed as fault:
            raise DeviceUnreachable(f"--device: {fault}") from None
        except NotShown:
            return  # broken off, as each case will say


def _run_one(name: str, command: Command, patience: float, starts: Semaphore, stopped: Event) -> Outcome:
    case = CASES[name]
    begun = time.monotonic()
    with Stand(command, patience, starts, stopped) as stand:
        try:
            stand.check()
            verdict, text = PASSED, case.run(stand)
        except NotShown as reason:
            verdict, text = NOT_SHOWN, str(reason)
        except Ended as fault:
            verdict, text = FAILED, str(fault)
        except (Failed, Violation) as fault:
            verdict, text = FAILED, f"{fault}{stand.ending()}"
        except Silence as fault:
            verdict, text = FAILED, f"it fell silent: {fault}{stand.ending()}"
        except Closed as fault:
            verdict, text = FAILED, f"in the middle of it {fault}{stand.ending()}"
        return Outcome(name, case.title, verdict, text, time.monotonic() - begun, stand.record.lines(), stand.said())
