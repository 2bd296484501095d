"""Mosquitto on this machine: found, or installed where that asks nobody for a password."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

TIME_LIMIT_S = 300
# Debian keeps daemons out of a user's PATH; Homebrew has two homes.
_PLACES = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin", "/usr/local/opt/mosquitto/sbin")
# Debian's packages ask it whether they may start their service (invoke-rc.d(8)); 101 says no.
_POLICY = Path("/usr/sbin/policy-rc.d")


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


def can_install() -> bool:
    """Whether it can be installed without a password: as root on Debian, or by Homebrew, which refuses root."""
    is_root = os.geteuid() == 0
    return shutil.which("apt-get" if is_root else "brew") is not None


def install_mosquitto(policy: Path = _POLICY) -> bool:
    """Install it where ``can_install``; never by sudo. True when it is there afterwards."""
    install_package("mosquitto", policy)
    return find_mosquitto() is not None


def install_package(name: str, policy: Path = _POLICY) -> None:
    """Install what Debian and Homebrew call by one name, where ``can_install``.

    Installing must open no door: Debian's package would start its service, now and at every boot.
    """
    if not can_install():
        return
    if os.geteuid() != 0:
        _run("brew", "install", "--quiet", name)
        return
    with _services_kept_down(policy):
        _run("apt-get", "update", "-qq")
        if _run("apt-get", "install", "-y", "-qq", name) and shutil.which("systemctl"):
            _run("systemctl", "disable", name)


def _run(*command: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "HOMEBREW_NO_AUTO_UPDATE": "1"}
    try:
        subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


@contextlib.contextmanager
def _services_kept_down(policy: Path) -> Iterator[None]:
    """No package starts a service meanwhile. A policy that is there already is somebody's, and stays as it is."""
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    try:
        policy.chmod(0o755)
        yield
    finally:
        policy.unlink()
