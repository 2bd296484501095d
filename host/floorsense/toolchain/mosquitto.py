"""Mosquitto on this machine: found, or installed where that asks nobody for a password."""

import os
import shutil
import subprocess
from pathlib import Path

# Debian keeps daemons out of a user's PATH; Homebrew has two homes.
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin")


def find_mosquitto() -> Path | None:
    """The broker's program, or None."""
    found = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *_PLACES]))
    return Path(found) if found else None


def how_to_install() -> str:
    """The line that tells a person how to get it."""
    if shutil.which("apt-get"):
        return "sudo apt-get install mosquitto"
    if shutil.which("brew"):
        return "brew install mosquitto"
    return "see https://mosquitto.org/download"


def install_mosquitto() -> bool:
    """Install it where that needs no password: as root on Debian, or by Homebrew. Never by sudo. True when it worked."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "HOMEBREW_NO_AUTO_UPDATE": "1"}
    if shutil.which("apt-get") and os.geteuid() == 0:
        # RUNLEVEL=1 keeps the package from starting a broker on port 1883: installing must open no door.
        environment["RUNLEVEL"] = "1"
        commands = [["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "mosquitto"]]
    elif shutil.which("brew") and os.geteuid() != 0:
        commands = [["brew", "install", "--quiet", "mosquitto"]]
    else:
        return False
    for command in commands:
        try:
            subprocess.run(command, env=environment, capture_output=True, timeout=300, check=True)
        except (OSError, subprocess.SubprocessError):
            return False
    return find_mosquitto() is not None
