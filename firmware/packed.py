"""What a provisioned board's folder has as `main`: the firmware's modules in one file, and the way to import them from there.

LittleFS gives each file a block of 4 KB at least: as files of their own the modules would take three times what they hold,
and that twice, for the firmware and the one before it, and leave no room for readings. So `floorsense provision` puts them one
behind the other into `modules`, and this mounts it as a file system. A module is read by the board's own file system, from its
place on: the importer asks for the bytes that a .mpy file has, and for none behind them.

    how many names (2 bytes, as all numbers little-endian)
    of each name its CRC-32 and its place in the file (4 bytes each; place 0 is a folder's)
    the modules
"""

import binascii
import struct
import sys

import vfs

NAME = "modules"
_FILE = (0x8000,) + (0,) * 9
_FOLDER = (0x4000,) + (0,) * 9
_ENOENT = 2
_EROFS = 30


class Modules:
    """What `vfs.mount` takes: the file at ``path``, to be read. Raises OSError where it cannot be."""

    def __init__(self, path):
        self._path = path
        with open(path, "rb") as file:
            self._index = file.read(8 * struct.unpack("<H", file.read(2))[0])

    def mount(self, _readonly, _mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        return _FILE if self._place(path) else _FOLDER

    def open(self, path, mode):
        if "w" in mode or "a" in mode or "+" in mode:
            raise OSError(_EROFS)
        file = open(self._path, "rb")
        file.seek(self._place(path))
        return file

    def _place(self, path):
        """Where the module begins; 0 for a folder."""
        wanted = struct.pack("<I", binascii.crc32(path.strip("/").encode()) & 0xFFFFFFFF)
        at = self._index.find(wanted)
        while at >= 0:
            if at % 8 == 0:
                return struct.unpack_from("<I", self._index, at + 4)[0]
            at = self._index.find(wanted, at + 1)
        raise OSError(_ENOENT)


vfs.mount(Modules(sys.path[0] + "/" + NAME), "/" + NAME)
sys.path[0] = "/" + NAME
__import__("entry")
