"""floorsense setup: have everything that the bench needs."""

import json
import sys
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.paths import LIB
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import compile_tree, find_micropython
from floorsense.toolchain.mosquitto import find_mosquitto, how_to_install, install_mosquitto


@click.command(help="Fetch what the boards run on, compile it, find MicroPython, and see to Mosquitto.")
@click.option("--quiet", is_flag=True, help="Say only what is new or missing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(quiet: bool, as_json: bool) -> None:
    console = Console(stderr=True)
    with console.status("setting up ..."):
        fetched = ensure_libraries()
        vm = find_micropython()
        tree = compile_tree()
        mosquitto = find_mosquitto()
        installed = mosquitto is None and install_mosquitto()
    mosquitto = find_mosquitto()
    if as_json:
        json.dump(
            {
                "micropython": str(vm),
                "libraries": str(LIB),
                "fetched": fetched,
                "compiled": str(tree),
                "mosquitto": str(mosquitto) if mosquitto else None,
            },
            sys.stdout,
        )
        print()
        return
    for name in fetched:
        console.print(f"fetched {name}, hash checked")
    if installed:
        console.print(f"installed Mosquitto: {mosquitto}")
    if mosquitto is None:
        console.print(f"no Mosquitto: the embedded broker will serve; to have the real one: {how_to_install()}", style="yellow")
    if not quiet:
        _tell(console, vm, mosquitto)


def _tell(console: Console, vm: Path, mosquitto: Path | None) -> None:
    console.print(f"MicroPython  {vm}\nlibraries    {LIB}\nMosquitto    {mosquitto or 'none'}", highlight=False)
