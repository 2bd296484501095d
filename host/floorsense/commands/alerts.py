"""floorsense alerts: list, acknowledge, test, run."""

import getpass
import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from floorsense.alerts import alarms
from floorsense.alerts.postman import send_by_apprise
from floorsense.alerts.rules import Rules, default_rules, read_rules
from floorsense.alerts.service import Alerts
from floorsense.check.watch import interruptible
from floorsense.commands.factory_options import database_option
from floorsense.commands.visit import visited_store
from floorsense.errors import UsageError
from floorsense.log import write_log

_MARKS = {alarms.OPEN: "!! open", alarms.ACKNOWLEDGED: "+  acknowledged", alarms.CLEARED: "-  cleared"}


def rules_of(path: Path | None) -> Rules:
    return default_rules() if path is None else read_rules(path)


def rules_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--rules",
        "rules_path",
        type=click.Path(path_type=Path),
        metavar="FILE",
        envvar="FLOORSENSE_RULES",
        show_envvar=True,
        help="What alerts, in TOML (docs/alerts.md); without it a temperature above 85 C does.",
    )(command)


@click.group()
def command() -> None:
    """Alarms: see them, acknowledge them, try who is told, and run the rules as a process of their own.

    Exit codes: 0 done, 1 alarms are open (list), an alarm that is not there (ack) or a notice that was not taken (test),
    2 wrong usage or rules, 3 database unreachable.
    """


@command.command("list")
@database_option
@click.option("--state", type=click.Choice(alarms.STATES), help="Only these.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="Print them as one JSON document.")
def list_command(database: str, state: str | None, limit: int, as_json: bool) -> int:
    """Show alarms, the newest first; exit 1 where one is open and nobody has acknowledged it."""
    with visited_store(database) as store:
        found = store.read(lambda connection: alarms.listed(connection, state, None, limit))
        waits = store.read(lambda connection: alarms.listed(connection, alarms.OPEN, None, 1))
    if as_json:
        print(json.dumps({"alarms": [one.as_dict() for one in found]}))
    elif not found:
        print("no alarms" if state is None else f"no alarms that are {state}")
    else:
        table = Table(box=None, pad_edge=False)
        for name in ("no.", "state", "severity", "since", "what", "by"):
            table.add_column(name, overflow="fold")
        for one in found:
            since = datetime.fromtimestamp(one.onset / 1000).strftime("%m-%d %H:%M:%S")
            cells = (str(one.id), _MARKS[one.state], one.severity, since, f"{one.rule}: {one.text}", one.acked_by or "")
            table.add_row(*(Text(cell) for cell in cells))
        Console(highlight=False).print(table)
    return 1 if waits else 0


@command.command("ack")
@database_option
@click.argument("numbers", nargs=-1, required=True, type=click.IntRange(1, 2**62), metavar="NUMBER...")
@click.option("--by", metavar="NAME", help="Who does; your name on this machine by default.")
def ack_command(database: str, numbers: tuple[int, ...], by: str | None) -> int:
    """Acknowledge alarms: no more reminders, no escalation."""
    who = by or getpass.getuser()
    now = int(time.time() * 1000)
    code = 0
    with visited_store(database) as store:
        for number in numbers:
            one, is_new = store.write(partial(alarms.acknowledge, number=number, who=who, now=now))
            if one is None:
                print(f"{number}: there is no such alarm; floorsense alerts list shows them")
                code = 1
            else:
                print(f"{number}: acknowledged" + ("" if is_new else f" before, by {one.acked_by}"))
    return code


@command.command("test")
@rules_option
@click.argument("names", nargs=-1, metavar="[CONTACT...]")
def test_command(rules_path: Path | None, names: tuple[str, ...]) -> int:
    """Hold the rules against their form, and send each contact (or those named) one message that says it is a test."""
    rules = rules_of(rules_path)
    for name in names:
        if name not in rules.contacts:
            raise UsageError(f"{name}: there is no [contact.{name}] in the rules")
    for rule in rules.rules:
        print(f"rule {rule.name}: {rule.topic} {rule.words()}, {rule.severity}; tells {', '.join(rule.whom) or 'nobody'}")
    code = 0
    for name in names or rules.contacts:
        contact = rules.contacts[name]
        for channel, url in zip(contact.channels(), contact.urls, strict=True):
            taken = send_by_apprise(url, "floorsense: a test", f"If you read this, alarms reach {name}. Nothing is wrong.")
            print(f"{channel}: {'taken' if taken else 'not taken: is the server there, and the address right?'}")
            code = code if taken else 1
    return code


@command.command("run")
@database_option
@rules_option
def run_command(database: str, rules_path: Path | None) -> int:
    """Hold what the database takes in against the rules, and tell people, until Ctrl-C. Several of these share the work."""
    write_log()
    rules = rules_of(rules_path)
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        store = rooms.enter_context(visited_store(database))
        rooms.enter_context(Alerts(store, rules, from_feed=False))
        count = f"{len(rules.rules)} rule{'' if len(rules.rules) == 1 else 's'}"
        Console(stderr=True).print(f"{count} over {store.database}", soft_wrap=True, highlight=False)
        stopped.wait()
    return 0
