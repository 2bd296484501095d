"""Provisioning: a board on a cable, a STATION.toml, and telemetry a person can trust in the end."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from floorsense import boards
from floorsense.broker_url import BrokerUrl
from floorsense.cable.log import LogLine
from floorsense.cable.prompt import Prompt
from floorsense.errors import BoardError, FloorsenseError, UsageError
from floorsense.paths import FIRMWARE
from floorsense.provisioning.board import Target, carry_out, give_up_trial, survey, total_bytes
from floorsense.provisioning.disk import Disk
from floorsense.provisioning.firmware import Runtime, ask_runtime, build
from floorsense.provisioning.station_file import Station
from floorsense.provisioning.witness import BoardLog, FirstReading, Witness, listening_url


@dataclass
class Outcome:
    """``changes`` are what was done, or would be done in a dry run; none on a board that was right already. Of what was
    copied ``bytes_written`` came over the cable; ``bytes_reused`` were in the board's other firmware."""

    station: str
    port: str
    board: str
    micropython: str
    firmware: str
    changes: list[str]
    bytes_written: int = 0
    bytes_reused: int = 0
    seconds: float = 0.0
    first: FirstReading | None = None
    first_after_s: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        found = {key: value for key, value in vars(self).items() if key != "first"}
        return found | {"first": vars(self.first) if self.first else None}


@dataclass(frozen=True)
class Telling:
    """How a person hears of it: a line each step, bytes done of all, the board's own lines."""

    step: Callable[[str], None] = lambda _text: None
    progress: Callable[[int, int], None] = lambda _done, _total: None
    line: Callable[[LogLine], None] = lambda _line: None


def provision(
    station: Station,
    port: str,
    telling: Telling,
    *,
    dry_run: bool = False,
    wait_s: float = 30,
    broker: tuple[BrokerUrl, str | None] | None = None,
    downgrade: bool = False,
    source: Path = FIRMWARE,
) -> Outcome:
    """Make the board at ``port`` what ``station`` says, and wait ``wait_s`` for its first reading, 0 for not at all.

    ``broker`` is where to listen, with the CA to trust, if not where the board publishes. Raises FloorsenseError.
    """
    began = time.monotonic()
    with ExitStack() as rooms:
        witness = None
        if wait_s:
            url, ca = broker or listening_url(station)
            witness = rooms.enter_context(Witness(url, station.name, ca))
        with Prompt(port) as prompt:
            runtime = ask_runtime(prompt)
            _check_board(station, port, runtime)
            telling.step(f"{runtime} on {runtime.machine}")
            bundle = build(runtime.arch, station.drivers, source)
            target = Target(bundle, station.settings, dict(station.files))
            disk = Disk(prompt)
            plan = survey(disk, target, witness.boot if witness else 0)
            if plan.before and _version(plan.before) > _version(bundle.version) and not downgrade:
                raise UsageError(
                    f"{port}: the board runs floornode {plan.before}, this floorsense brings {bundle.version}: "
                    "update floorsense, or put the older one on it with --downgrade"
                )
            changes = plan.changes
            outcome = Outcome(station.name, port, station.board.name, str(runtime), bundle.version, changes)
            if plan.failed:
                telling.step("this firmware did not come up on this board the last time; it is tried again")
            if not dry_run and changes:
                for change in changes:
                    telling.step(change)
                total = total_bytes(target, plan)
                done = 0

                def progress(count: int) -> None:
                    nonlocal done
                    done += count
                    telling.progress(done, total)

                carry_out(disk, target, plan, progress)
                left = survey(disk, target, 0)
                if left.copied or left.root or left.stale or left.folder is not None:
                    raise BoardError(f"{port}: the board does not hold what was written to it; run it again")
                outcome.bytes_written, outcome.bytes_reused = disk.written, disk.reused
                if disk.reused:
                    telling.step(f"{disk.reused // 1024} KB of it were on the board already")
            if witness is not None:
                witness.expect(max(witness.boot, plan.boot or 0))
            prompt.reset()
        if witness is not None and not dry_run:
            try:
                with BoardLog(port, telling.line) as log:
                    outcome.first = witness.wait(wait_s, log, bundle.version)
            except BoardError as error:
                if plan.on_trial and _end_trial(port):
                    raise BoardError(f"{error}; floornode {plan.before}, which ran before, is back") from error
                raise
            outcome.first_after_s = round(time.monotonic() - began, 2)
    outcome.seconds = round(time.monotonic() - began, 2)
    return outcome


def _end_trial(port: str) -> bool:
    """Have the firmware before a trial run again. False where nothing can be done about it from here."""
    try:
        with Prompt(port) as prompt:
            give_up_trial(Disk(prompt))
            prompt.reset()
    except FloorsenseError:
        return False
    return True


def _check_board(station: Station, port: str, runtime: Runtime) -> None:
    if station.board.is_called(runtime.machine):
        return
    is_one = [one.name for one in boards.all_boards() if one.is_called(runtime.machine)]
    found = is_one[0] if is_one else f"{runtime.machine!r}, which no board folder knows"
    raise BoardError(f"{port}: the board is {found}, and {station.path} says {station.board.name}; correct one of them")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in text.split("."))
