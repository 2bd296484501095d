"""floorsense dashboard: the page as a process of its own."""

from contextlib import ExitStack
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.broker_url import BROKER_HELP, BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.commands.alerts import rules_of, rules_option
from floorsense.commands.door_options import door_options, doors_of, tls_of
from floorsense.commands.factory_options import database_option, listen_option, onlooker_options
from floorsense.commands.visit import visited_store
from floorsense.feed import Feed
from floorsense.log import write_log
from floorsense.web import create_app
from floorsense.web.onlooker import Onlooker
from floorsense.web.server import Listen, WebServer


@click.command()
@click.option("--broker", default="mqtt://127.0.0.1", show_default=True, metavar="URL", help=BROKER_HELP)
@onlooker_options
@database_option
@listen_option
@rules_option
@door_options
def command(
    broker: str,
    topics: tuple[str, ...],
    ca: str | None,
    database: str,
    listen: str,
    rules_path: Path | None,
    cert: Path | None,
    key: Path | None,
    plain: bool,
) -> int:
    """Serve the dashboard beside an ingestion, an API and alerts that run elsewhere.

    History, boards and alarms come from their database; live values from the broker itself, as they come. It stores no reading
    and holds no rule against one: --rules says which ISO zones the page shows. An alarm is on the page within a second. The
    broker's password comes from FLOORSENSE_BROKER_PASSWORD.

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
        store = rooms.enter_context(visited_store(database))
        feed = Feed()
        onlooker = Onlooker(url, feed, topics=topics, ca=ca)
        app = create_app(store, rules, doors_of(store, address), feed, takes_in=False)
        app.state.words["broker"] = onlooker.word
        app.state.figures.append(onlooker.figures)
        server = WebServer(app, address, tls)
        rooms.enter_context(onlooker)
        rooms.enter_context(server)
        text = f"dashboard at {server.url}, live from {url}, history from {store.database}"
        Console(stderr=True).print(text, soft_wrap=True, highlight=False)
        server.wait(stopped)
    return 0
