"""The firmware's modules in one file: what firmware/packed.py finds there is what was put in."""

import struct
import zlib

import pytest

from floorsense.provisioning.archive import pack

MODULES = {"floornode/store/log.mpy": b"log" * 9, "entry.mpy": b"entry", "floornode/__init__.mpy": b""}


def index(packed: bytes) -> dict[int, int]:
    (count,) = struct.unpack_from("<H", packed)
    return dict(struct.unpack_from("<II", packed, 2 + 8 * i) for i in range(count))


def test_each_module_stands_at_its_place() -> None:
    packed = pack(MODULES)
    found = index(packed)
    for name, data in MODULES.items():
        place = found[zlib.crc32(name.encode())]
        assert packed[place : place + len(data)] == data


def test_folders_are_there_and_nothing_else() -> None:
    folders = {crc for crc, place in index(pack(MODULES)).items() if not place}
    assert folders == {zlib.crc32(name) for name in (b"floornode", b"floornode/store")}


def test_the_same_modules_make_the_same_file() -> None:
    assert pack(MODULES) == pack(dict(reversed(MODULES.items())))


def test_two_names_with_one_checksum_are_refused() -> None:
    # Found by search: both have the CRC-32 4ddb0c25.
    with pytest.raises(ValueError, match="same CRC-32"):
        pack({"plumless": b"", "buckeroo": b""})
