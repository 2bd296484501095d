"""floorsense check: is the telemetry at this broker right?"""

import json
import time
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.broker_url import BROKER_HELP, BrokerUrl
from floorsense.check import Checker, Expectation, Report
from floorsense.check.watch import interruptible, watch
from floorsense.errors import BrokerError, UsageError
from floorsense.listener import Listener

# A broker that is away for longer does not come back in the time of a check.
_AWAY_S = 30
_INTERRUPTED = 130


@click.command()
@click.option("--broker", required=True, metavar="URL", help=BROKER_HELP)
@click.option(
    "--topic", "topics", multiple=True, default=("#",), metavar="FILTER", show_default=True, help="What to listen to."
)
@click.option("--seconds", type=click.FloatRange(0.1, 86400), default=30, show_default=True, help="How long.")
@click.option(
    "--expect", type=click.Path(path_type=Path), metavar="FILE", help="TOML: boards that must appear, periods, QoS, limits."
)
@click.option("--strict", is_flag=True, help="Repeats fail even at QoS 1, which allows them.")
@click.option("--ca", metavar="FILE", help="PEM file of the CA that signed an mqtts broker's certificate.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON document.")
@click.option("--junit", type=click.Path(path_type=Path), metavar="FILE", help="Write the report for CI as JUnit XML.")
def command(
    broker: str,
    topics: tuple[str, ...],
    seconds: float,
    expect: Path | None,
    strict: bool,
    ca: str | None,
    as_json: bool,
    junit: Path | None,
) -> int:
    """Listen to telemetry and name each gap, repeat, disorder, wrong rate, unit, value, clock, and silent board.

    The password of USER comes from FLOORSENSE_BROKER_PASSWORD or is asked for.

    Exit codes: 0 right, 1 faults found, 2 wrong usage, 3 broker unreachable or refused. Ctrl-C ends with what was seen.
    """
    checker = Checker(Expectation.load(expect) if expect else None, strict)
    console = Console(stderr=as_json)
    listener = Listener(BrokerUrl.parse(broker), topics, checker.message, ca=ca, on_deaf=checker.interrupted)
    with listener, interruptible() as stopped:

        def look() -> None:
            if listener.away_s() > _AWAY_S:
                stopped.set()

        watch(checker, seconds, stopped, console, look)
        was_stopped = stopped.is_set()
        away_s = listener.away_s()
    report = checker.finish(time.time() * 1000)
    show(report, console, as_json, junit)
    if away_s:
        raise BrokerError(f"broker {listener.url}: it went away {away_s:.0f} s before the end and did not come back")
    if was_stopped and not checker.received:
        return _INTERRUPTED
    return 0 if report.ok else 1


def show(report: Report, console: Console, as_json: bool, junit: Path | None, end: str = "") -> None:
    """Print the report, a line each finding and the verdict last; ``end`` is added to the verdict."""
    if junit is not None:
        try:
            junit.write_bytes(report.junit())
        except OSError as error:
            raise UsageError(f"--junit {junit}: {error.strerror}") from error
    if as_json:
        print(json.dumps(report.as_dict()))
        return
    for one in report.findings:
        style = "red" if one in report.faults else "yellow"
        console.print(one.line(), style=style, highlight=False, markup=False, soft_wrap=True)
    style = "bold green" if report.ok else "bold red"
    console.print(report.verdict() + end, style=style, highlight=False, markup=False, soft_wrap=True)
