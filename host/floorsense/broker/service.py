"""A floor's Mosquitto as a process: started in the foreground, told to read its files again."""

import os
import signal
import socket
from pathlib import Path

from floorsense.broker.floor import Floor
from floorsense.errors import UsageError
from floorsense.toolchain.mosquitto import find_mosquitto, how_to_install


def command_of(floor: Floor) -> list[str]:
    """What to run. Raises UsageError where there is no Mosquitto."""
    program = find_mosquitto()
    if program is None:
        raise UsageError(f"there is no Mosquitto on this machine: {how_to_install()}")
    return [str(program), "-c", str(floor.configuration.resolve())]


def check_ports(floor: Floor) -> None:
    """Raises UsageError where it runs already, or where somebody else has one of its ports or it cannot be had."""
    if (process := process_of(floor)) is not None:
        raise UsageError(f"{floor.folder}: its broker runs already (process {process})")
    for port in (floor.port, floor.mutual_port):
        if port is None:
            continue
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(floor.binds, port, 0, socket.SOCK_STREAM)[0]
            with socket.socket(family, kind, protocol) as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.bind(address)
        except OSError as error:
            what = error.strerror or str(error)
            raise UsageError(f"{floor.folder}: cannot listen at {floor.binds}:{port}: {what}; see what else does") from error


def process_of(floor: Floor) -> int | None:
    """The process that serves, or None. A number that another program has by now is not taken for it."""
    try:
        process = int(floor.pid_file.read_text().strip())
        os.kill(process, 0)
    except (OSError, ValueError):
        return None
    words = Path(f"/proc/{process}/cmdline")
    try:
        said = words.read_bytes()
    except OSError:
        return process if not words.parent.parent.joinpath("self").exists() else None
    return process if str(floor.configuration.resolve()).encode() in said else None


def reload(floor: Floor) -> bool:
    """Tell a running broker to read passwords, rules and certificates again. False where none runs."""
    process = process_of(floor)
    if process is None:
        return False
    try:
        os.kill(process, signal.SIGHUP)
    except OSError:
        return False
    return True
