"""A small file that a power cut leaves old or new, whole.

It is written beside the old one and then renamed onto it. LittleFS renames atomically; FAT, where CircuitPython lives, does
not rename onto a file that exists, and there a cut may leave only the new one, under its first name: ``read`` finds it.
"""

import os

_FRESH = ".new"


def write(path, data):
    """Make ``data`` (bytes) what ``path`` holds. Raises OSError, and then the old one stays."""
    fresh = path + _FRESH
    with open(fresh, "wb") as file:
        file.write(data)
    try:
        os.rename(fresh, path)
    except OSError:
        os.remove(path)
        os.rename(fresh, path)


def read(path, limit):
    """The bytes of the file, at most ``limit``; None where there is none."""
    for name in (path, path + _FRESH):
        try:
            with open(name, "rb") as file:
                return file.read(limit)
        except OSError:
            pass
    return None
