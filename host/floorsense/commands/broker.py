"""floorsense broker: a Mosquitto that knows its boards."""

import json
import os
from pathlib import Path

import rich_click as click
from rich.console import Console

from floorsense.broker.floor import HOST_USER, PORT, Floor, is_loopback
from floorsense.broker.service import check_ports, command_of, process_of, reload
from floorsense.errors import UsageError
from floorsense.provisioning.station_file import StationFile


@click.group(
    help="Make a Mosquitto for a floor: TLS with a CA of its own, one identity a board, and rules that keep boards apart."
)
def command() -> None:
    pass


@command.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("floor"))
@click.option(
    "--name",
    "names",
    multiple=True,
    default=("127.0.0.1", "localhost"),
    show_default=True,
    metavar="HOST",
    help="Name or address that boards reach it by; the first is what they are told.",
)
@click.option(
    "--listen", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it listens; 0.0.0.0: everywhere."
)
@click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="TCP port, TLS only.")
@click.option("--mutual-tls", is_flag=True, help="Also listen at PORT + 1 for boards that show a certificate.")
def init(folder: Path, names: tuple[str, ...], listen: str, port: int, mutual_tls: bool) -> None:
    """Make FOLDER: configuration, CA, an identity for the host tools. Nothing is started, and nothing overwritten."""
    floor = Floor.make(folder, names, port, listen, port + 1 if mutual_tls else None)
    console = _console()
    console.print(f"made {floor.configuration}: TLS at {listen}:{port} as {', '.join(names)}")
    if is_loopback(listen):
        console.print("it listens on this machine alone; for boards on a network: --listen 0.0.0.0 --name ITS_ADDRESS")
    console.print(f"start it: floorsense broker run {folder}; or have your system run: mosquitto -c {floor.configuration}")
    console.print(f"listen with: FLOORSENSE_BROKER_PASSWORD=$(cat {floor.host_secret}) floorsense check --ca {floor.ca} \\")
    console.print(f"             --broker mqtts://{HOST_USER}@{names[0]}:{port}")


@command.command()
@click.argument("station", metavar="STATION")
@click.option("--folder", type=click.Path(path_type=Path), help="The broker's folder; else STATION's broker.folder.")
@click.option("--mutual-tls", is_flag=True, help="A client certificate instead of a password.")
def add(station: str, folder: Path | None, mutual_tls: bool) -> None:
    """Give the board of STATION (a TOML file, or SITE/FLOOR/MACHINE with --folder) an identity. Nobody sees its secret."""
    name, floor = _resolve(station, folder)
    if not floor.add(name, mutual_tls):
        _console().print(f"{name} has its {floor.boards[name]} already; nothing was changed")
        return
    _console().print(f"{name} has a {floor.boards[name]}, and may publish and listen at {name}/# alone{_reloaded(floor)}")


@command.command()
@click.argument("station", metavar="STATION")
@click.option("--folder", type=click.Path(path_type=Path), help="The broker's folder; else STATION's broker.folder.")
def remove(station: str, folder: Path | None) -> None:
    """Take the identity of STATION's board away: it may do nothing any more, and is refused when it connects anew."""
    name, floor = _resolve(station, folder)
    if not floor.remove(name):
        raise UsageError(f"{name} is not known at {floor.folder}; there are: {', '.join(sorted(floor.boards)) or 'no boards'}")
    _console().print(f"{name} is no longer known{_reloaded(floor)}")


@command.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("floor"))
def run(folder: Path) -> None:
    """Run FOLDER's broker in the foreground, until Ctrl-C."""
    floor = Floor.load(folder)
    words = command_of(floor)
    check_ports(floor)
    os.execv(words[0], words)


@command.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("floor"))
@click.option("--name", "names", multiple=True, metavar="HOST", help="Instead of the names that it has; the first is told.")
def renew(folder: Path, names: tuple[str, ...]) -> None:
    """Give FOLDER's broker a new certificate by the same CA, before the old one ends or for other names.

    Boards trust the CA and notice nothing; they must be provisioned anew only where the first name changed.
    """
    floor = Floor.load(folder)
    floor.renew(names)
    _console().print(
        f"{floor.configuration}: a new certificate for {', '.join(floor.names)}, until {floor.expiry()}{_reloaded(floor)}"
    )


@command.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("floor"))
@click.option("--json", "as_json", is_flag=True, help="Print it as one JSON document.")
def show(folder: Path, as_json: bool) -> None:
    """Say what FOLDER's broker is called, whether it runs, whom it knows, and when its certificates end. No secret is shown."""
    floor = Floor.load(folder)
    process = process_of(floor)
    certificates = {name: str(floor.expiry(name)) for name in floor.boards if floor.pair_of(name)}
    if as_json:
        told = {"names": floor.names, "listens": floor.binds, "port": floor.port, "mutual_tls_port": floor.mutual_port}
        told |= {"process": process, "certificate_until": str(floor.expiry())}
        boards = [{"name": name, "by": floor.boards[name], "until": certificates.get(name)} for name in sorted(floor.boards)]
        print(json.dumps(told | {"boards": boards}))
        return
    console = _console()
    console.print(
        f"{', '.join(floor.names)}: TLS at {floor.binds}:{floor.port}, {f'process {process}' if process else 'not running'}"
    )
    console.print(f"its certificate ends {floor.expiry()}; floorsense broker renew {folder}")
    for name in sorted(floor.boards):
        until = f" until {certificates[name]}" if name in certificates else ""
        console.print(f"{name}  {floor.boards[name]}{until}")
    if not floor.boards:
        console.print(f"no boards; floorsense broker add STATION --folder {folder}")


def _resolve(station: str, folder: Path | None) -> tuple[str, Floor]:
    path = Path(station)
    if not path.is_file() and station.count("/") == 2 and not station.endswith(".toml"):
        if folder is None:
            raise UsageError(f"{station}: say at which broker: --folder FOLDER")
        return station, Floor.load(folder)
    if not path.exists():
        raise UsageError(f"{station}: is no file, and not SITE/FLOOR/MACHINE")
    file = StationFile(path)
    floor = Floor.load(folder) if folder is not None else file.floor
    if floor is None:
        raise UsageError(f"{station}: names no broker.folder; add it, or say --folder FOLDER")
    return file.name, floor


def _reloaded(floor: Floor) -> str:
    return "; the running broker was told" if reload(floor) else "; no broker runs there now"


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, markup=False)
