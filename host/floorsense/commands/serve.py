"""floorsense serve: ingestion, storage and its API in one process."""

from contextlib import ExitStack
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.alerts.service import Alerts
from floorsense.broker_url import BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.commands.alerts import rules_of, rules_option
from floorsense.commands.door_options import door_options, doors_of, tls_of
from floorsense.commands.factory_options import (
    broker_options,
    database_option,
    keep_options,
    listen_option,
    opened_store,
    patient_option,
)
from floorsense.feed import Feed
from floorsense.ingest.ingester import Ingester
from floorsense.log import write_log
from floorsense.web import create_app
from floorsense.web.server import Listen, WebServer


@click.command()
@broker_options
@database_option
@listen_option
@rules_option
@door_options
@keep_options
@patient_option
def command(
    broker: str,
    topics: tuple[str, ...],
    name: str,
    share: str | None,
    ca: str | None,
    database: str,
    listen: str,
    rules_path: Path | None,
    cert: Path | None,
    key: Path | None,
    plain: bool,
    keep_readings: int,
    keep_minutes: int,
    keep_hours: int,
    patient: bool,
) -> int:
    """Take readings from a broker, store each once, alert, and serve API and dashboard.

    \b
    floorsense serve --broker mqtt://HOST                       into floor.db, dashboard at http://127.0.0.1:8080
    floorsense serve --broker mqtts://ingest@HOST --database postgresql://floor@DB/floor

    A message is acknowledged to the broker when it is stored, so nothing the broker holds is lost by whatever ends this
    process. The password of USER comes from FLOORSENSE_BROKER_PASSWORD.

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong usage or a port that is taken, 3 broker or database unreachable or
    refused at the start. Afterwards it waits for either of them.
    """
    write_log()
    url = BrokerUrl.parse(broker)
    address = Listen.parse(listen)
    tls = tls_of(address, cert, key, plain)
    rules = rules_of(rules_path)
    with ExitStack() as rooms:
        stopped = rooms.enter_context(interruptible())
        waiting = stopped if patient else None
        store = rooms.enter_context(opened_store(database, Feed(), keep_readings, keep_minutes, keep_hours, waiting))
        ingester = Ingester(url, store, topics=topics, name=name, share=share, ca=ca, patient=patient)
        app = create_app(store, rules, doors_of(store, address))
        app.state.words.update(ingester.words())
        alerts = Alerts(store, rules, from_feed=True)
        app.state.words.update(alerts.words())
        app.state.figures += [ingester.figures, alerts.figures]
        # The port first: one that is taken is said before the broker knows of us.
        server = WebServer(app, address, tls)
        rooms.enter_context(alerts)
        rooms.enter_context(ingester)
        rooms.enter_context(server)
        text = f"from {url} into {store.database}; dashboard at {server.url}, API at {server.url}/api/v1"
        Console(stderr=True).print(text, soft_wrap=True, highlight=False)
        server.wait(stopped)
    return 0
