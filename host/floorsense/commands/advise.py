"""floorsense advise: does this device speak MQTT 3.1.1 as telemetry must?"""

from collections.abc import Sequence
from pathlib import Path

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from floorsense.advise import report
from floorsense.advise.cases import CASES
from floorsense.advise.device import Command
from floorsense.advise.judgement import FAILED, Outcome
from floorsense.advise.run import run
from floorsense.check.watch import interruptible
from floorsense.errors import UsageError

_INTERRUPTED = 130
_HELP = """
Run T01 to T27 as a broker against any MQTT 3.1.1 telemetry device, and show which it passes, with the bytes and times.

COMMAND starts the device, with {port} where it is told the broker's port, and {host} where it can be told a host (else it
dials 127.0.0.1). Each case starts it anew, at a port of its own. What a device cannot be asked is "not shown", never passed.

Exit codes: 0 nothing failed, 1 a case failed, 2 wrong usage, 3 the device never connects, 130 interrupted.

\b
Our own firmware:
  floorsense advise --device 'floorsense simulate --broker mqtt://{host}:{port}
                     --qos temperature=1,humidity=2 --keepalive 10 --end-to-end'
"""


@click.command(help=_HELP)
@click.option("--device", required=True, metavar="COMMAND", help="What starts the device, with {port} in it.")
@click.option("--case", "chosen", multiple=True, metavar="CASE", help="Only these, T13 for example; repeatable.")
@click.option(
    "--patience",
    type=click.FloatRange(5, 3600),
    default=100,
    show_default=True,
    metavar="SECONDS",
    help="For what has no limit of its own: to connect, to send again, 1.5 keep-alives.",
)
@click.option("--at-once", type=click.IntRange(1, 64), default=27, show_default=True, help="Cases side by side.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document, with the whole evidence.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write JUnit XML for CI.")
def command(device: str, chosen: tuple[str, ...], patience: float, at_once: int, as_json: bool, junit: Path | None) -> int:
    console = Console(stderr=as_json, highlight=False)
    told = Command(device)
    cases = [name.upper() for name in chosen] or list(CASES)
    if unknown := [name for name in cases if name not in CASES]:
        raise UsageError(f"--case {unknown[0]}: there is no such case; there are T01 to T27")
    cases = sorted(set(cases))
    if junit is not None:
        # Not after minutes of work.
        _write(junit, b"")
    columns = (
        TextColumn("{task.completed:.0f} of {task.total:.0f} cases"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with interruptible() as stopped, Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(cases))

        def look(running: Sequence[str], done: Sequence[Outcome]) -> None:
            progress.update(bar, completed=len(done), description=" ".join(sorted(running)))

        outcomes = run(told, cases, patience, at_once, stopped, look)
        was_stopped = stopped.is_set()
    if junit is not None:
        _write(junit, report.junit(outcomes))
    if as_json:
        print(report.as_json(outcomes))
    else:
        report.show(outcomes, console)
    if any(one.verdict == FAILED for one in outcomes):
        return 1
    return _INTERRUPTED if was_stopped else 0


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"--junit {path}: {error.strerror}") from error
