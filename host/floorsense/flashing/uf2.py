"""UF2 files: every block read and held against the board before a byte is copied.

Source: the UF2 specification (https://github.com/microsoft/uf2); RP2040 datasheet 2.8.4.2 and RP2350 datasheet 5.5 for what
their boot ROMs take: 256-byte payloads on 256-byte boundaries, numbered from 0, one family.
"""

import struct
from dataclasses import dataclass

from floorsense.boards import Board
from floorsense.errors import UsageError

BLOCK = 512
PAYLOAD = 256
_HEADER = struct.Struct("<8I")
_MAGIC_START = (0x0A324655, 0x9E5D5157)
_MAGIC_END = 0x0AB16F30
_SECTOR = 4096
_NOT_MAIN_FLASH = 0x0001
_FAMILY_PRESENT = 0x2000
# Where the flash of both chips appears: XIP, RP2040 datasheet 2.2, RP2350 datasheet 2.2.
_FLASH_START = 0x10000000
# RP2350 datasheet, erratum E10: a file begins with one block of this family ("absolute"), all 0xEF, that exists only to be
# seen; picotool writes it to 0x10FFFF00 whatever the flash's size, or to where its user says. It is written, too.
_ABSOLUTE_FAMILY = 0xE48BFF57
_ERRATUM_PAYLOAD = b"\xef" * PAYLOAD
_WINDOW_END = 0x11000000


@dataclass(frozen=True)
class Extent:
    """What a file writes: ``blocks`` of 256 bytes, between ``start`` and ``end`` (addresses; the end is not written)."""

    blocks: int
    start: int
    end: int


@dataclass(frozen=True)
class _Block:
    flags: int
    address: int
    size: int
    number: int
    count: int
    family: int
    payload: bytes


def check(data: bytes, board: Board) -> Extent:
    """Raises UsageError with the first thing that is wrong with ``data`` as an image for ``board``, and in which block."""
    if not data or len(data) % BLOCK:
        raise UsageError(f"is no UF2 file: {len(data)} bytes are not whole blocks of {BLOCK}")
    blocks = [_block(data, at) for at in range(0, len(data), BLOCK)]
    first = 1 if _is_erratum_block(blocks[0]) else 0
    written: list[int] = []
    for at, block in enumerate(blocks[first:], first):
        fault = _fault(block, at - first, len(blocks) - first, board) or _disorder(block, written)
        if fault:
            raise UsageError(f"UF2 block {at}: {fault}")
        written.append(block.address)
    if not written:
        raise UsageError("is a UF2 file that writes nothing")
    if first and (blocks[0].address % PAYLOAD or not written[-1] < blocks[0].address < _WINDOW_END):
        raise UsageError(f"UF2 block 0: is the RP2350's own, and writes to {blocks[0].address:#010x}, where the firmware is")
    return Extent(len(written), written[0], written[-1] + PAYLOAD)


def _block(data: bytes, at: int) -> _Block:
    start0, start1, flags, address, size, number, count, family = _HEADER.unpack_from(data, at)
    (end,) = struct.unpack_from("<I", data, at + BLOCK - 4)
    if (start0, start1) != _MAGIC_START or end != _MAGIC_END:
        raise UsageError(f"UF2 block {at // BLOCK}: the magic numbers are not there: damaged, or no UF2 file")
    return _Block(flags, address, size, number, count, family, data[at + 32 : at + 32 + PAYLOAD])


def _is_erratum_block(block: _Block) -> bool:
    return (
        block.family == _ABSOLUTE_FAMILY
        and (block.number, block.count, block.size) == (0, 2, PAYLOAD)
        and block.payload == _ERRATUM_PAYLOAD
    )


def _fault(block: _Block, number: int, count: int, board: Board) -> str | None:
    flash_end = _FLASH_START + (board.flash_bytes or 0)
    if not block.flags & _FAMILY_PRESENT or block.flags & _NOT_MAIN_FLASH:
        return f"flags {block.flags:#06x}: names no family, or is not for the flash"
    if block.family != board.flashing.family:
        return f"is for the family {block.family:#010x}, and {board.name} is {board.flashing.family or 0:#010x}"
    if block.count != count:
        return f"says that there are {block.count} blocks, and there are {count}"
    if block.number != number:
        return f"is numbered {block.number}, should be {number}"
    if block.size != PAYLOAD:
        return f"carries {block.size} bytes, should be {PAYLOAD}"
    if block.address % PAYLOAD or not _FLASH_START <= block.address <= flash_end - PAYLOAD:
        flash = f"{_FLASH_START:#010x} to {flash_end:#010x}"
        return f"writes to {block.address:#010x}, outside the flash ({flash}) or between its pages"
    return None


def _disorder(block: _Block, written: list[int]) -> str | None:
    """Linkers' tools write upwards from the flash's start, whole sectors each: a hole within one is a damaged address."""
    if not written:
        whole = block.address == _FLASH_START
        return None if whole else f"starts at {block.address:#010x}, not at the flash's start: no whole firmware"
    if block.address <= written[-1]:
        return f"writes {block.address:#010x} after {written[-1]:#010x}"
    if block.address != written[-1] + PAYLOAD and block.address % _SECTOR:
        return f"leaves a hole before {block.address:#010x}"
    return None
