"""MicroPython's .bin files for the ESP32 family: boot loader, partition table and application in one.

Source: ESP-IDF, "App Image Format" (header: magic 0xE9, segments, chip id at byte 12) and "Partition Tables" (at 0x8000,
entries begin with 0xAA 0x50).
"""

import struct

from esptool.targets import CHIP_DEFS

from floorsense.boards import Board
from floorsense.errors import UsageError

_MAGIC = 0xE9
_HEADER_BYTES = 24
_CHIP_ID_AT = 12
_PARTITIONS_AT = 0x8000
_PARTITION_MAGIC = b"\xaa\x50"


def check(data: bytes, board: Board, own_layout: bool = False) -> None:
    """Raises UsageError with what is wrong with ``data`` as a whole image for ``board``.

    ``own_layout``: it is one of somebody's own making, of which only the size is known to matter.
    """
    offset, chip = board.flashing.offset or 0, board.flashing.chip
    if board.flash_bytes and offset + len(data) > board.flash_bytes:
        raise UsageError(f"does not fit: {len(data)} bytes at {offset:#x} of a flash of {board.flash_bytes}")
    if own_layout:
        return
    if len(data) < _HEADER_BYTES or data[0] != _MAGIC:
        raise UsageError("is no image for the ESP32 family (its first byte is not 0xE9)")
    (chip_id,) = struct.unpack_from("<H", data, _CHIP_ID_AT)
    known = {one.IMAGE_CHIP_ID: name for name, one in CHIP_DEFS.items()}
    if known.get(chip_id) != chip:
        name = known.get(chip_id, f"chip number {chip_id}")
        raise UsageError(f"is for {name}, and {board.name} has {chip}")
    at = _PARTITIONS_AT - offset
    if data[at : at + 2] != _PARTITION_MAGIC:
        raise UsageError(
            "has no partition table at 0x8000: an update (.app-bin) or half a download, not the whole .bin; "
            "--own-layout for an image that has it elsewhere"
        )
