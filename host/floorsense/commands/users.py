"""floorsense users: who may look at the dashboard, and who may act."""

import os
import sys
from getpass import getpass

import rich_click as click

from floorsense.commands.factory_options import database_option
from floorsense.commands.visit import visited_store
from floorsense.errors import UsageError
from floorsense.web.accounts import OPERATOR, ROLES, VIEWER, Accounts

PASSWORD_VARIABLE = "FLOORSENSE_USER_PASSWORD"


@click.group()
def command() -> None:
    """People who may open the dashboard and the API from other machines: viewers look, operators also acknowledge and store.

    Exit codes: 0 done, 1 there is nobody of that name, 2 wrong usage, 3 database unreachable.
    """


@command.command("add")
@database_option
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), default=VIEWER, show_default=True, help=f"An {OPERATOR} may acknowledge.")
def add_command(database: str, name: str, role: str) -> int:
    """Add somebody, or give them a new password and role. The password is asked for, or comes from FLOORSENSE_USER_PASSWORD."""
    password = os.environ.get(PASSWORD_VARIABLE, "")
    if not password:
        if not sys.stdin.isatty():
            raise UsageError(f"the password of {name}: set {PASSWORD_VARIABLE}, or run it where it can be asked for")
        password = getpass(f"Password of {name}: ")
        if getpass("Once more: ") != password:
            raise UsageError("the two passwords differ")
    with visited_store(database) as store:
        Accounts(store).add(name, role, password)
    print(f"{name} is a {role}" if role == VIEWER else f"{name} is an {role}")
    return 0


@command.command("list")
@database_option
def list_command(database: str) -> int:
    """Show names and roles."""
    with visited_store(database) as store:
        for one in Accounts(store).listed():
            print(f"{one.name}  {one.role}")
    return 0


@command.command("remove")
@database_option
@click.argument("name")
def remove_command(database: str, name: str) -> int:
    """Remove somebody: their logins end at once, their password and what they are looking at within a minute."""
    with visited_store(database) as store:
        was_there = Accounts(store).remove(name)
    print(f"{name} is removed" if was_there else f"there is nobody called {name}")
    return 0 if was_there else 1
