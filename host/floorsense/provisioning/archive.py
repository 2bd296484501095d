"""The firmware's modules as one file, in the form that firmware/packed.py mounts."""

import hashlib
import itertools
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

NAME = "modules"
_COUNT, _ENTRY = struct.Struct("<H"), struct.Struct("<II")


def pack(modules: Mapping[str, bytes]) -> bytes:
    """``modules`` by their path. The same ones make the same bytes. Raises ValueError where two names have one checksum."""
    folders = {str(parent) for name in modules for parent in PurePosixPath(name).parents} - {"."}
    places = dict.fromkeys(sorted(folders), 0)
    at = _COUNT.size + _ENTRY.size * (len(folders) + len(modules))
    for name in sorted(modules):
        places[name] = at
        at += len(modules[name])
    sums = {name: zlib.crc32(name.encode()) for name in places}
    if len(set(sums.values())) != len(sums):
        raise ValueError("two modules' names have the same CRC-32: rename one")
    index = b"".join(_ENTRY.pack(sums[name], place) for name, place in places.items())
    return _COUNT.pack(len(places)) + index + b"".join(modules[name] for name in sorted(modules))


@dataclass(frozen=True)
class Stretch:
    """Bytes of another archive."""

    at: int
    length: int


def parts(archive: bytes, there: Mapping[str, Stretch]) -> Iterator[bytes | Stretch]:
    """``archive`` in its order, as bytes or, where another archive has the module, as a stretch of that.

    ``there``: what the other one has, by SHA-256.
    """
    (count,) = _COUNT.unpack_from(archive)
    index = _COUNT.size + _ENTRY.size * count
    found = {_ENTRY.unpack_from(archive, _COUNT.size + _ENTRY.size * i)[1] for i in range(count)} - {0}
    places = sorted(found | {len(archive)})
    fresh = archive[:index]
    known: Stretch | None = None
    for at, end in itertools.pairwise(places):
        same = there.get(hashlib.sha256(archive[at:end]).hexdigest())
        if same is None:
            if known:
                yield known
                known = None
            fresh += archive[at:end]
            continue
        if fresh:
            yield fresh
            fresh = b""
        if known and known.at + known.length == same.at:
            known = Stretch(known.at, known.length + same.length)
        else:
            if known:
                yield known
            known = same
    if known:
        yield known
    if fresh:
        yield fresh
