"""floorsense api: the storage API as a process of its own."""

from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.check.watch import interruptible
from floorsense.commands.door_options import door_options, doors_of, tls_of
from floorsense.commands.factory_options import database_option, keep_options, listen_option, opened_store, patient_option
from floorsense.errors import FloorsenseError
from floorsense.feed import Feed
from floorsense.log import write_log
from floorsense.web import create_app
from floorsense.web.server import Listen, WebServer


@click.command()
@database_option
@listen_option
@door_options
@keep_options
@patient_option
def command(
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

    Its OpenAPI document is at /api/v1/openapi.json. Several processes may serve one PostgreSQL database.

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong usage or a port that is taken, 3 database unreachable or refused.
    """
    write_log()
    address = Listen.parse(listen)
    tls = tls_of(address, cert, key, plain)
    with (
        interruptible() as stopped,
        opened_store(database, Feed(), keep_readings, keep_minutes, keep_hours, stopped if patient else None) as store,
        WebServer(create_app(store, None, doors_of(store, address)), address, tls) as server,
    ):
        Console(stderr=True).print(f"storage API at {server.url}/api/v1, database {store.database}", soft_wrap=True)
        while not stopped.wait(0.5):
            if not server.is_alive():
                raise FloorsenseError("the web server ended by itself; its log says why")
    return 0
