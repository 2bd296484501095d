"""A small file that a power cut leaves old or new, whole.

It is written beside the old one and then renamed onto it. LittleFS renames atomically; FAT, where CircuitPython lives, does
not rename onto a file that exists, and there a cut may leave only the new one, under its first name: ``read`` finds it.
"""

import os

_FRESH = ".new"
# What a copy has in memory at a time.
_PIECE = 128


def write(path, data):
    """Make ``data`` (bytes) what ``path`` holds. Raises OSError, and then the old one stays."""
    with open(path + _FRESH, "wb") as file:
        file.write(data)
    _replace(path)


def copy(source, path):
    """Make what ``source`` holds what ``path`` holds. Returns whether that changed anything. Raises OSError, and then the old
    one stays."""
    if _is_same(source, path):
        return False
    with open(source, "rb") as old, open(path + _FRESH, "wb") as new:
        piece = old.read(_PIECE)
        while piece:
            new.write(piece)
            piece = old.read(_PIECE)
    _replace(path)
    return True


def _is_same(source, path):
    try:
        with open(source, "rb") as one, open(path, "rb") as other:
            piece = one.read(_PIECE)
            while piece == other.read(_PIECE):
                if not piece:
                    return True
                piece = one.read(_PIECE)
    except OSError:
        pass  # one of them is not there
    return False


def _replace(path):
    try:
        os.rename(path + _FRESH, path)
    except OSError:
        os.remove(path)
        os.rename(path + _FRESH, path)


def read(path, limit):
    """The bytes of the file, at most ``limit``; None where there is none."""
    for name in (path, path + _FRESH):
        try:
            # MicroPython takes as much memory as it is asked to read.
            size = os.stat(name)[6]
            with open(name, "rb") as file:
                return file.read(min(size, limit))
        except OSError:
            pass
    return None
