"""An RP2 board: its prompt on a line, and in its boot loader a folder that stands for the drive.

The folder vanishes as the drive does, with the last block: it is renamed away, whoever holds a file in it.
"""

import shutil
import struct
import types

from prompt import Prompt

INFO = "INFO_UF2.TXT"
_BLOCK, _PAGE = 512, 256


class Pico(Prompt):
    """A board whose drive appears at ``drive``, calling itself ``board_id``.

    ``becomes``: its machine after flashing, None where it does not come back. ``in_boot_loader``: it starts there.
    ``stubborn``: it takes the file and does not restart. ``unplug_at``: bytes after which the drive is gone for good.
    ``flash`` is what its flash holds then.
    """

    def __init__(
        self,
        line,
        drive,
        machine="Raspberry Pi Pico W with RP2040",
        board_id="RPI-RP2",
        becomes="Raspberry Pi Pico W with RP2040",
        in_boot_loader=False,
        stubborn=False,
        unplug_at=None,
        **prompt,
    ):
        modules = {"machine": types.SimpleNamespace(bootloader=self._enter_boot_loader)}
        super().__init__(line, machine, modules=modules, **prompt)
        self.drive, self.flash = drive, None
        self._board_id, self._becomes, self._stubborn, self._unplug_at = board_id, becomes, stubborn, unplug_at
        if in_boot_loader:
            self._enter_boot_loader()

    def _enter_boot_loader(self):
        self.alive = False
        self._raw = False
        self.drive.mkdir()
        text = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: %s\r\n" % self._board_id
        (self.drive / INFO).write_text(text, newline="")

    def tick(self):
        super().tick()
        if self.alive or self._stubborn or not self.drive.is_dir():
            return
        for path in self.drive.glob("*.uf2"):
            data = path.read_bytes()
            if self._unplug_at is not None and len(data) >= self._unplug_at:
                self._vanish()
            elif self._has_all_blocks(data):
                self.flash = self._written(data)
                self._vanish()
                if self._becomes:
                    self.machine = self._becomes
                    self.alive = True
                    self.runs = self._main

    def _vanish(self):
        gone = self.drive.with_name(self.drive.name + ".gone")
        shutil.rmtree(gone, ignore_errors=True)
        self.drive.rename(gone)

    @staticmethod
    def _has_all_blocks(data):
        if len(data) < _BLOCK or len(data) % _BLOCK:
            return False
        number, count = struct.unpack_from("<II", data, len(data) - _BLOCK + 20)
        return number + 1 == count

    @staticmethod
    def _written(data):
        """The flash from its start; a block of the family "absolute" is not for it."""
        flash = {}
        for at in range(0, len(data), _BLOCK):
            _, _, _, address, size, _, _, family = struct.unpack_from("<8I", data, at)
            if family != 0xE48BFF57:
                flash[address] = data[at + 32 : at + 32 + size]
        return b"".join(flash[address] for address in sorted(flash))
