"""MicroPython with words of 32 bits, as boards have: Debian's package for i386, unpacked into a folder of ours.

Nothing is installed, and this machine's own list of packages is neither asked nor changed: apt gets a state of its own, which
takes no root. It has no ``ssl``.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

from floorsense.paths import BUILD

SUITE = "trixie"
MIRROR = "http://deb.debian.org/debian"
# What signs the suite; part of Debian's own installation.
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HOME = BUILD / "narrow"
_VM = "micropython"
TIME_LIMIT_S = 120
# Runs the VM with the C library that came with it, wherever the folder is.
_START = """#!/bin/sh
root="${0%/*}/root"
libraries="$root/usr/lib/i386-linux-gnu"
exec "$libraries/ld-linux.so.2" --library-path "$libraries" "$root/usr/bin/micropython" "$@"
"""


def find_narrow(home: Path = HOME) -> Path | None:
    """The VM, where ``fetch_narrow`` has been; else None."""
    vm = home / _VM
    return vm if os.access(vm, os.X_OK) else None


def fetch_narrow(home: Path = HOME) -> str:
    """Fetch it into ``home``. Returns why it could not be, or nothing."""
    if platform.machine() != "x86_64" or shutil.which("apt-get") is None or not KEYRING.is_file():
        return "it comes from Debian's packages for i386, which Debian on x86_64 can fetch and run"
    shutil.rmtree(home, ignore_errors=True)
    apt = home / "apt"
    for folder in ("lists/partial", "archives/partial"):
        (apt / folder).mkdir(parents=True)
    (apt / "status").touch()
    (apt / "sources.list").write_text(f"deb [arch=i386 signed-by={KEYRING}] {MIRROR} {SUITE} main\n")
    (apt / "apt.conf").write_text(_configuration(apt))
    try:
        _run(apt, "apt-get", "-qq", "update")
        _run(apt, "apt-get", "-qq", "--yes", "--no-install-recommends", "--download-only", "install", "micropython")
        for package in sorted((apt / "archives").glob("*.deb")):
            _run(apt, "dpkg-deb", "--extract", str(package), str(home / "root"))
        starts = home / f"{_VM}.new"
        starts.write_text(_START)
        starts.chmod(0o755)
        _run(apt, str(starts), "-c", "pass")
    except subprocess.CalledProcessError as error:
        said: str = error.stderr
        return said.strip().rpartition("\n")[2] or f"{error.cmd[0]}: exit code {error.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        shutil.rmtree(apt)
    starts.rename(home / _VM)
    return ""


def _configuration(apt: Path) -> str:
    """apt's settings: everything in ``apt``, nothing of this machine's, only what is for i386."""
    return f"""\
Dir::State "{apt}";
Dir::State::lists "{apt}/lists";
Dir::State::status "{apt}/status";
Dir::Cache "{apt}";
Dir::Cache::archives "{apt}/archives";
Dir::Etc::sourcelist "{apt}/sources.list";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "i386";
APT::Architectures {{ "i386"; }};
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "2";
"""


def _run(apt: Path, *command: str) -> None:
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf"), "LC_ALL": "C"}
    subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=True
    )
