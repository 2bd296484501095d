"""floorsense api: the storage API as a process of its own."""

from contextlib import ExitStack
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.broker_url import BROKER_HELP, BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.commands.door_options import door_options, doors_of, tls_of
from floorsense.commands.factory_options import (
    database_option,
    keep_options,
    listen_option,
    onlooker_options,
    opened_store,
    patient_option,
)
from floorsense.errors import UsageError
from floorsense.feed import Feed
from floorsense.log import write_log
from floorsense.web import create_app
from floorsense.web.onlooker import Onlooker
from floorsense.web.server import Listen, WebServer


@click.command()
@click.option("--broker", metavar="URL", help=f"Live values for browsers from there; else what is posted here. {BROKER_HELP}")
@onlooker_options
@database_option
@listen_option
@door_options
@keep_options
@patient_option
def command(
    broker: str | None,
    topics: tuple[str, ...],
    ca: str | None,
    database: str,
    listen: str,
    cert: Path | None,
    key: Path | None,
    plain: bool,
    keep_readings: int,
    keep_minutes: int,
    keep_hours: int,
    patient: bool,
) -> int:
    """Serve the storage API: readings in and out, boards, quarantine, health, metrics.

    Its OpenAPI document is at /api/v1/openapi.json, the dashboard at /. Several processes may serve one PostgreSQL database;
    a browser at one of them sees live what is posted there, or with --broker all that comes.

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong usage or a port that is taken, 3 database or broker unreachable or
    refused at the start.
    """
    write_log()
    address = Listen.parse(listen)
    tls = tls_of(address, cert, key, plain)
    if broker is None and (ca is not None or topics != ("#",)):
        raise UsageError("--topic and --ca go with --broker")
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        waiting = stopped if patient else None
        store = rooms.enter_context(opened_store(database, Feed(), keep_readings, keep_minutes, keep_hours, waiting))
        feed = store.feed if broker is None else Feed()
        app = create_app(store, None, doors_of(store, address), feed)
        server = WebServer(app, address, tls)
        if broker is not None:
            onlooker = rooms.enter_context(Onlooker(BrokerUrl.parse(broker), feed, topics=topics, ca=ca))
            app.state.words["broker"] = onlooker.word
            app.state.figures.append(onlooker.figures)
        rooms.enter_context(server)
        Console(stderr=True).print(f"storage API at {server.url}/api/v1, database {store.database}", soft_wrap=True)
        server.wait(stopped)
    return 0
