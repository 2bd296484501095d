"""floorsense setup: have everything that the bench needs."""

import json
import sys
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.paths import LIB, ROOT, require_checkout
from floorsense.toolchain.libraries import ensure_libraries
from floorsense.toolchain.micropython import compile_tree, find_micropython, native_arch
from floorsense.toolchain.mosquitto import can_install, find_mosquitto, how_to_install, install_mosquitto


@click.command(help="Fetch what the boards run on, compile it, find MicroPython, and see to Mosquitto.")
@click.option("--quiet", is_flag=True, help="Say only what is new or missing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def command(quiet: bool, as_json: bool) -> None:
    require_checkout()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with console.status("looking for MicroPython ...") as status:
        vm = find_micropython()
        status.update("fetching what the boards run on ...")
        fetched = ensure_libraries()
        for name in fetched:
            console.print(f"fetched {name}, hash checked")
        status.update("compiling the firmware ...")
        tree = compile_tree(native_arch(vm))
        mosquitto = find_mosquitto()
        if mosquitto is None and can_install():
            status.update("installing Mosquitto ...")
            if install_mosquitto():
                mosquitto = find_mosquitto()
                console.print(f"installed Mosquitto: {mosquitto}; its service was kept from starting")
    if mosquitto is None:
        console.print(f"[yellow]no Mosquitto: the embedded broker will serve; to have the real one: {how_to_install()}")
    if as_json:
        found = {"micropython": vm, "libraries": LIB, "compiled": tree, "mosquitto": mosquitto}
        json.dump({"fetched": fetched} | {key: str(value) if value else None for key, value in found.items()}, sys.stdout)
        print()
    elif not quiet:
        rows = {"MicroPython": vm, "libraries": LIB, "compiled": tree, "Mosquitto": mosquitto or "none"}
        for name, value in rows.items():
            console.print(f"{name:12} {_short(value)}")


def _short(path: Path | str) -> str:
    """``path`` from the checkout, where it is in it."""
    return str(path.relative_to(ROOT)) if isinstance(path, Path) and path.is_relative_to(ROOT) else str(path)
