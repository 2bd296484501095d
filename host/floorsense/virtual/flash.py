"""A board's flash as a file, read without MicroPython: littlefs-python is a second opinion on what was written."""

from pathlib import Path

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from floorsense.errors import UsageError
from floorsense.wholefile import write_whole

BLOCK = 4096
# What MicroPython leaves to files on a Pico W (ports/rp2/boards/RPI_PICO_W/mpconfigboard.h: 848 KB); an ESP32 has twice that.
BYTES = 848 * 1024
_LEAST_BLOCKS = 4


class Flash:
    """The file ``path``, made when it is not there: erased, so that the board formats it at its first start."""

    def __init__(self, path: Path, size: int = BYTES) -> None:
        """``size`` in bytes. Raises UsageError for a file that cannot be one."""
        self.path = path
        try:
            if not path.exists():
                write_whole(path, b"\xff" * (size // BLOCK * BLOCK))
            self.blocks, rest = divmod(path.stat().st_size, BLOCK)
        except OSError as error:
            raise UsageError(f"--flash {path}: {error.strerror}") from error
        if rest or self.blocks < _LEAST_BLOCKS:
            raise UsageError(f"--flash {path}: is no flash image; name a file that is not there yet")

    def files(self) -> dict[str, bytes]:
        """Every file by its path, as it stands in the image; nothing on a flash that was never formatted."""
        try:
            disk = self._mounted()
        except LittleFSError:
            return {}
        found = {}
        for folder, _, names in disk.walk("/"):
            for name in names:
                path = f"{folder.rstrip('/')}/{name}"
                with disk.open(path, "rb") as file:
                    found[path] = file.read()
        return found

    def free_kib(self) -> int:
        """KiB that no file takes. Raises littlefs' errors."""
        disk = self._mounted()
        return (self.blocks - disk.used_block_count) * BLOCK // 1024

    def write(self, path: str, data: bytes) -> None:
        """Put a file there while the board is off; an erased flash is formatted first. Raises littlefs' errors."""
        try:
            disk = self._mounted()
        except LittleFSError:
            disk = self._disk(bytearray(b"\xff" * (self.blocks * BLOCK)))
            disk.format()
            disk.mount()
        folder = path.rpartition("/")[0]
        if folder:
            disk.makedirs(folder, exist_ok=True)
        with disk.open(path, "wb") as file:
            file.write(data)
        self.path.write_bytes(disk.context.buffer)

    def _mounted(self) -> LittleFS:
        disk = self._disk(bytearray(self.path.read_bytes()))
        disk.mount()
        return disk

    def _disk(self, content: bytearray) -> LittleFS:
        disk = LittleFS(block_size=BLOCK, block_count=self.blocks, prog_size=256, read_size=32, cache_size=1024, mount=False)
        disk.context.buffer = content
        return disk
