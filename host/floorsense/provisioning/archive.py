"""The firmware's modules as one file, in the form that firmware/packed.py mounts."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import PurePosixPath

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
