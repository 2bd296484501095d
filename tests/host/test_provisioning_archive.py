"""The firmware's modules in one file: what firmware/packed.py finds there is what was put in."""

import hashlib
import itertools
import struct
import zlib

import pytest

from floorsense.provisioning.archive import Stretch, pack, parts

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


def stretches(packed: bytes) -> dict[str, Stretch]:
    places = [*sorted(set(index(packed).values()) - {0}), len(packed)]
    pairs = itertools.pairwise(places)
    return {hashlib.sha256(packed[at:end]).hexdigest(): Stretch(at, end - at) for at, end in pairs}


def joined(found: list[bytes | Stretch], other: bytes) -> bytes:
    return b"".join(one if isinstance(one, bytes) else other[one.at : one.at + one.length] for one in found)


@pytest.mark.parametrize("changed", ["", "a", "c", "e", "ace", "abcde", "b2"])
def test_of_a_new_archive_what_the_old_one_has_is_taken_from_it(changed: str) -> None:
    before = {f"{name}.mpy": name.encode() * 100 for name in "abcde"}
    others = {f"{name}.mpy": b"new " + name.encode() for name in changed}
    old, new = pack(before), pack(before | others)
    found = list(parts(new, stretches(old)))
    assert joined(found, old) == new
    head = min(index(new).values())
    assert sum(len(one) for one in found if isinstance(one, bytes)) == head + sum(map(len, others.values()))
    assert len(found) <= 2 * len(changed) + 2


def test_two_names_with_one_checksum_are_refused() -> None:
    # Found by search: both have the CRC-32 4ddb0c25.
    with pytest.raises(ValueError, match="same CRC-32"):
        pack({"plumless": b"", "buckeroo": b""})
