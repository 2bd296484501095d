"""A board becomes what it is to be: what differs is copied, all is verified by hash, and what is in use changes in one step.

On the board:

    main.py                  firmware/launcher.py: starts the firmware in one of two folders
    a/ b/                    a firmware each, the one that runs and the one before, or one on trial
    slot, trial, failed      which runs, which is on trial and for how many starts, which did not come up
    settings.json, boot      what it is to do; how often it started
    certs/                   what TLS goes by; the settings say which of them
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from floorsense.errors import BoardError
from floorsense.paths import FIRMWARE
from floorsense.provisioning import archive
from floorsense.provisioning.disk import Disk
from floorsense.provisioning.firmware import Bundle
from floorsense.provisioning.trust import FOLDER as CERTIFICATES
from floorsense.secret import Secret

LAUNCHER = "/main.py"
SETTINGS = "/settings.json"
BOOT = "/boot"
SLOT, TRIAL, FAILED = "/slot", "/trial", "/failed"
FOLDERS = ("a", "b")
# Starts in which a new firmware must have got a reading to its broker.
TRIAL_STARTS = 3
_LEFT_BEHIND = tuple(f"{path}.new" for path in (LAUNCHER, SETTINGS, SLOT, TRIAL, FAILED))


@dataclass
class Target:
    """What a board shall hold. ``files`` are named by their path: certificates and the like."""

    bundle: Bundle
    settings: Secret
    files: dict[str, Secret] = field(default_factory=dict)
    launcher: bytes = field(default_factory=(FIRMWARE / "launcher.py").read_bytes)


@dataclass
class Plan:
    """What differs. ``folder`` is where the firmware goes, None where it is there and runs; ``on_trial`` whether the board has
    one to fall back to; ``before`` is the version that runs; ``stale`` are certificates and keys that it had before."""

    folder: str | None
    on_trial: bool
    copied: list[str]
    removed: list[str]
    root: list[str]
    boot: int | None
    before: str | None
    failed: bool
    stale: list[str]

    @property
    def changes(self) -> list[str]:
        """What would be done, a line each."""
        lines = []
        if self.folder is not None:
            kind = "on trial" if self.on_trial else "new"
            lines.append(
                f"firmware ({kind}, in /{self.folder}): {len(self.copied)} files to copy, {len(self.removed)} to remove"
            )
        lines += [f"{path} to write" for path in self.root]
        if self.boot is not None:
            lines.append(f"{BOOT} to raise to {self.boot}, which this machine's board had reached")
        lines += [f"{path} to remove" for path in self.stale]
        return lines


def survey(disk: Disk, target: Target, least_boot: int) -> Plan:
    """What differs between the board and what it shall hold. Nothing is changed.

    ``least_boot``: the highest boot number that anybody has seen of this machine; a board that was replaced goes on from there.
    """
    slot = _word(disk, SLOT)
    trial = _word(disk, TRIAL)
    wanted = target.bundle.hashes
    running = trial if trial in FOLDERS else slot
    there = disk.files("/" + running) if running in FOLDERS else {}
    before = (disk.text(f"/{running}/version") or "").strip() or None
    folder: str | None = None
    copied: list[str] = []
    removed: list[str] = []
    if there != wanted or (trial in FOLDERS and slot not in FOLDERS):
        # Not over the one that runs, nor over the one that a trial falls back to.
        folder = _other(slot)
        if folder != running:
            there = disk.files("/" + folder)
        copied = sorted(path for path, digest in wanted.items() if there.get(path) != digest)
        removed = sorted(path for path in there if path not in wanted)
    root = {LAUNCHER: hashlib.sha256(target.launcher).hexdigest(), SETTINGS: _digest(target.settings)}
    root |= {path: _digest(secret) for path, secret in target.files.items()}
    found = disk.hashes(root)
    boot = _number(disk.text(BOOT))
    return Plan(
        folder,
        folder is not None and slot in FOLDERS,
        copied,
        removed,
        [path for path, digest in root.items() if found.get(path) != digest],
        least_boot if least_boot > boot else None,
        before,
        folder is not None and _word(disk, FAILED) == folder and not copied,
        [path for path in _certificates(disk) if path not in target.files],
    )


def carry_out(disk: Disk, target: Target, plan: Plan, progress: Callable[[int], None]) -> None:
    """Make the board what it shall be. A cut at any byte leaves one that starts as before, or as it is to.

    Raises BoardError; the next run goes on where this one ended.
    """
    disk.remove(_LEFT_BEHIND)
    if plan.folder is not None:
        if plan.on_trial:
            # Another trial may be going on in the folder that is written now.
            disk.remove([TRIAL])
        _copy(disk, target.bundle, plan, progress)
    if plan.boot is not None:
        disk.replace(BOOT, f"{plan.boot}\n".encode())
    for path, secret in target.files.items():
        if path in plan.root:
            disk.make_folders([path])
            disk.replace(path, secret.reveal().encode())
    if LAUNCHER in plan.root:
        disk.replace(LAUNCHER, target.launcher)
    if plan.folder is not None:
        # A trial needs one to fall back to; the first firmware has none.
        disk.remove([FAILED])
        if plan.on_trial:
            disk.replace(TRIAL, f"{plan.folder} {TRIAL_STARTS}\n".encode())
        else:
            disk.replace(SLOT, f"{plan.folder}\n".encode())
            disk.remove([TRIAL])
    if SETTINGS in plan.root:
        disk.replace(SETTINGS, target.settings.reveal().encode())
    disk.remove(plan.stale)


def _copy(disk: Disk, bundle: Bundle, plan: Plan, progress: Callable[[int], None]) -> None:
    root = f"/{plan.folder}"
    disk.remove([f"{root}/{path}" for path in [*plan.removed, *plan.copied]])
    room = disk.room()
    # Each file begins a block of its own.
    need = sum(-(-len(bundle.files[path]) // room.block) * room.block for path in plan.copied)
    if need > room.free:
        raise BoardError(
            f"its flash is full: the firmware needs {need // 1024} KB, and {room.free // 1024} KB are free; "
            "remove what else is on it (`mpremote fs ls`, `mpremote fs rm`)"
        )
    disk.make_folders(f"{root}/{path}" for path in plan.copied)
    for path in plan.copied:
        if path == archive.NAME:
            # What of it the other firmware has need not come over the cable.
            other = f"/{_other(plan.folder)}/{path}"
            disk.compose(f"{root}/{path}", archive.parts(bundle.files[path], disk.modules(other)), other, progress)
        else:
            disk.write(f"{root}/{path}", bundle.files[path], progress)
    there = disk.files(root)
    wrong = sorted(path for path, digest in bundle.hashes.items() if there.get(path) != digest)
    if wrong:
        raise BoardError(f"{len(wrong)} files are not what was sent, {root}/{wrong[0]} for one; run it again")


def give_up_trial(disk: Disk) -> None:
    """What is on trial failed, whatever starts it has left."""
    if folder := _word(disk, TRIAL):
        disk.replace(FAILED, f"{folder}\n".encode())
        disk.remove([TRIAL])


def total_bytes(target: Target, plan: Plan) -> int:
    """How much there is to copy."""
    return sum(len(target.bundle.files[path]) for path in plan.copied)


def _certificates(disk: Disk) -> list[str]:
    """What lies in the folder of certificates."""
    return [f"/{CERTIFICATES}/{path}" for path in sorted(disk.files(f"/{CERTIFICATES}"))]


def _other(slot: str | None) -> str:
    return FOLDERS[1] if slot == FOLDERS[0] else FOLDERS[0]


def _word(disk: Disk, path: str) -> str | None:
    words = (disk.text(path) or "").split()
    return words[0] if words else None


def _number(text: str | None) -> int:
    words = (text or "").split()
    return int(words[0]) if words and words[0].isdigit() else 0


def _digest(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal().encode()).hexdigest()
