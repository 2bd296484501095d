"""Options that the factory's commands share, and what they open."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import rich_click as click
from click.core import ParameterSource
from click.exceptions import Exit

from floorsense.broker_url import BROKER_HELP
from floorsense.errors import DatabaseError
from floorsense.feed import Feed
from floorsense.storage.database import DATABASE_VARIABLE, Database, refuse_password
from floorsense.storage.store import Store
from floorsense.storage.upkeep import DAY_MS, Keep, Upkeep

_LOG = logging.getLogger(__name__)
Command = Callable[..., Any]

_PAUSE_S = 1.0

_DATABASE_HELP = "sqlite:///FILE or postgresql://USER@HOST/NAME; a password goes into PGPASSWORD, ~/.pgpass or the variable."


def database_option(command: Command) -> Command:
    return click.option(
        "--database",
        default="sqlite:///floor.db",
        show_default=True,
        envvar=DATABASE_VARIABLE,
        show_envvar=True,
        metavar="URL",
        help=_DATABASE_HELP,
    )(command)


def listen_option(command: Command) -> Command:
    return click.option(
        "--listen", default="127.0.0.1:8080", show_default=True, metavar="ADDRESS:PORT", help="Where to serve; port 0: any."
    )(command)


def onlooker_options(command: Command) -> Command:
    for decorate in (
        click.option(
            "--topic", "topics", multiple=True, default=("#",), metavar="FILTER", show_default=True, help="What to take."
        ),
        click.option("--ca", metavar="FILE", help="PEM file of the CA that signed an mqtts or wss broker's certificate."),
    ):
        command = decorate(command)
    return command


def broker_options(command: Command) -> Command:
    for decorate in (
        click.option("--broker", default="mqtt://127.0.0.1", show_default=True, metavar="URL", help=BROKER_HELP),
        onlooker_options,
        click.option("--name", default="floorsense-ingest", show_default=True, help="Under it the broker keeps our session."),
        click.option(
            "--share", metavar="GROUP", help="Share the load with the other ingesters of the group ($share/GROUP/...)."
        ),
    ):
        command = decorate(command)
    return command


def patient_option(command: Command) -> Command:
    return click.option(
        "--wait", "patient", is_flag=True, help="Wait for what is not there yet (broker, database, API), as a service does."
    )(command)


def keep_options(command: Command) -> Command:
    days = click.IntRange(1, 36500)
    for name, default, what in (
        ("--keep-hours", 3650, "Rollups an hour wide are kept so many days."),
        ("--keep-minutes", 730, "Rollups a minute wide are kept so many days."),
        ("--keep-readings", 90, "Every reading is kept so many days; an older one is refused."),
    ):
        command = click.option(name, type=days, default=default, show_default=True, metavar="DAYS", help=what)(command)
    return command


@contextmanager
def opened_store(
    url: str, feed: Feed, keep_readings: int, keep_minutes: int, keep_hours: int, waiting: Event | None = None
) -> Iterator[Store]:
    """The store over an open, migrated database, kept up until the block is left. Raises UsageError, DatabaseError.

    ``waiting``: a database that is away is waited for, until the event is set; then the command ends with exit code 0.
    """
    context = click.get_current_context()
    if context is not None and context.get_parameter_source("database") is ParameterSource.COMMANDLINE:
        refuse_password(url)
    database = Database(url)
    try:
        _open(database, waiting)
        keep = Keep(keep_readings * DAY_MS, keep_minutes * DAY_MS, keep_hours * DAY_MS)
        store = Store(database, feed, keep.readings)
        with Upkeep(store, keep):
            yield store
    finally:
        database.close()


def _open(database: Database, waiting: Event | None) -> None:
    told = ""
    while True:
        try:
            return database.open()
        except DatabaseError as error:
            if waiting is None:
                raise
            if str(error) != told:
                told = str(error)
                _LOG.warning("%s; trying again", error)
        if waiting.wait(_PAUSE_S):
            raise Exit(0)
