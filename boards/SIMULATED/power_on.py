"""What the boot ROM and MicroPython's own start do on a board, for one whose flash is a file: mount it as `/`, run `boot.py`
and `main.py`, leave the prompt to whoever is on the cable.

    micropython -i power_on.py HARDWARE IMAGE BLOCKS RAW CUT

``HARDWARE``: the folder with `machine` and the chips. ``IMAGE``: the file, ``BLOCKS`` of 4096 bytes; formatted when there is
no LittleFS on it, as boards do. ``RAW``: 1 after a soft reset out of the raw REPL, which runs no `main.py`. ``CUT``: the number
of block writes after which the power goes, in the middle of one; 0 for never. The current folder has `simulation.json`.
"""

import os
import sys
from collections import namedtuple

import vfs

BLOCK = 4096
# What tells the other end of the cable that MicroPython is up; before it nothing can interrupt, as on a board.
UP = "\x1e"


class Flash:
    """A block device on a file. Erasing sets all bits, as flash does."""

    def __init__(self, path, blocks, cut):
        self._file = open(path, "r+b")
        self._blocks = blocks
        self._cut = cut

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK + offset)
        if self._cut:
            self._cut -= 1
            if not self._cut:
                self._file.write(memoryview(buffer)[: len(buffer) // 2])
                simulation.die("KILL")
        self._file.write(buffer)

    def ioctl(self, op, argument):
        if op == 4:
            return self._blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self._file.seek(argument * BLOCK)
            self._file.write(b"\xff" * BLOCK)
            return 0


def mount(hardware, path, blocks, cut):
    flash = Flash(path, blocks, cut)
    try:
        files = vfs.VfsLfs2(flash, progsize=256)
    except OSError:
        vfs.VfsLfs2.mkfs(flash, progsize=256)
        files = vfs.VfsLfs2(flash, progsize=256)
    vfs.umount("/")
    vfs.mount(files, "/")
    # The hardware: hidden from whoever lists `/`, and before all else on the path, for the unix port has a `machine` too.
    vfs.mount(vfs.VfsPosix(hardware), "/simulated")
    os.chdir("/")
    sys.path[:] = ["/simulated", "", ".frozen", "/lib"]


class System:
    """The module `sys` of a board that says what the script says it is. Its processor stays this computer's: what is compiled
    for the board must run here."""

    _own = sys  # whatever the prompt's `sys` will be: its globals are this module's

    def __getattr__(self, name):
        return getattr(self._own, name)


def play(name):
    own = sys.implementation
    fields = ("name", "version", "_machine", "_mpy")
    system = System()
    system.platform = "esp32" if simulation.is_esp32() else "rp2"
    system.implementation = namedtuple("implementation", fields)(own.name, own.version, name, own._mpy)
    sys.modules["sys"] = system


def run(name):
    """Run a file of the flash, if it is there. A board soft-resets at SystemExit and goes to its prompt at all else."""
    try:
        with open(name) as file:
            text = file.read()
    except OSError:
        return
    try:
        exec(compile(text, name, "exec"), {"__name__": "__main__"})
    except SystemExit:
        sys.exit(0)
    except BaseException as error:
        sys.print_exception(error)


hardware, image = sys.argv[1:3]
blocks, raw, cut = (int(number) for number in sys.argv[3:])
# While the current folder is still the one with the script.
import machine  # noqa: E402, F401
import simulation  # noqa: E402

if "machine" in simulation.script:
    play(simulation.script["machine"])
mount(hardware, image, blocks, cut)
sys.stdout.write(UP)
run("boot.py")
if not raw:
    run("main.py")
