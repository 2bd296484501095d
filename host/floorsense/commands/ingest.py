"""floorsense ingest: the ingestion as a process of its own."""

from contextlib import closing
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.broker_url import BrokerUrl
from floorsense.check.watch import interruptible
from floorsense.commands.factory_options import broker_options, patient_option
from floorsense.ingest.ingester import Ingester
from floorsense.ingest.remote import PASSWORD_VARIABLE, RemoteStore
from floorsense.log import write_log


@click.command()
@broker_options
@click.option(
    "--api",
    default="http://127.0.0.1:8080",
    show_default=True,
    metavar="URL",
    help="The storage API to post to: http[s]://[USER@]HOST:PORT.",
)
@click.option(
    "--api-password",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"A file of mode 600 with USER's password there; else {PASSWORD_VARIABLE} has it.",
)
@click.option(
    "--api-ca", type=click.Path(path_type=Path), metavar="FILE", help="PEM file of the CA that signed the API's certificate."
)
@click.option("--plain", is_flag=True, help="USER's password may travel to an http:// API beyond this machine, without TLS.")
@patient_option
def command(
    broker: str,
    topics: tuple[str, ...],
    name: str,
    share: str | None,
    ca: str | None,
    api: str,
    api_password: Path | None,
    api_ca: Path | None,
    plain: bool,
    patient: bool,
) -> int:
    """Take readings from a broker into the storage API, acknowledging each when it is stored.

    Several of these share the load: the same --share GROUP, and a --name for each. The broker's password comes from
    FLOORSENSE_BROKER_PASSWORD. An API beyond loopback asks for a login: that of an operator (floorsense users add).

    Exit codes: 0 stopped by SIGTERM or Ctrl-C, 2 wrong usage, 3 broker or API unreachable or refused at the start.
    Afterwards it waits for either of them.
    """
    write_log()
    url = BrokerUrl.parse(broker)
    with closing(RemoteStore(api, api_password, api_ca, plain)) as storage, interruptible() as stopped:
        if not patient:
            storage.check()
        with Ingester(url, storage, topics=topics, name=name, share=share, ca=ca, patient=patient):
            Console(stderr=True).print(f"from {url} to {storage.url} as {name}", soft_wrap=True, highlight=False)
            stopped.wait()
    return 0
