"""Options of who may come in from other machines, and what they open."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from floorsense.errors import UsageError
from floorsense.storage import Store
from floorsense.web.accounts import Accounts
from floorsense.web.doors import Doors
from floorsense.web.server import Listen, Tls

Command = Callable[..., Any]


def door_options(command: Command) -> Command:
    for decorate in (
        click.option("--plain", is_flag=True, help="Beyond loopback without TLS: passwords can be read on the way."),
        click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key, PEM."),
        click.option("--cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve TLS with this certificate (PEM)."),
    ):
        command = decorate(command)
    return command


def tls_of(address: Listen, cert: Path | None, key: Path | None, plain: bool) -> Tls | None:
    """Raises UsageError for one without the other, and where passwords would travel in the clear unasked."""
    if (cert is None) != (key is None):
        raise UsageError("--cert and --key go together")
    if cert is not None and key is not None:
        return Tls(cert, key)
    if not address.is_loopback and not plain:
        raise UsageError(f"--listen {address}: passwords would travel in the clear; give --cert and --key, or say --plain")
    return None


def doors_of(store: Store, address: Listen) -> Doors:
    """Open to this machine on loopback, else to those who log in. Raises UsageError where nobody could, and DatabaseError."""
    if address.is_loopback:
        return Doors()
    accounts = Accounts(store)
    if not accounts.listed():
        raise UsageError(f"--listen {address}: nobody could log in yet: floorsense users add NAME --role operator")
    return Doors(accounts)
