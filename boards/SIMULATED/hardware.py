"""The hardware of many simulated boards in one process (CPython), outside of their heaps: README.md, "Hardware apart".

    python hardware.py SOCKET

Boards come by the Unix-domain socket and speak as `apart/machine.py` says; the path of the first request is the folder that
is the board's flash. Each has modules of its own (`machine`, `network`, `simulation` and their parts), and while it is
served, its folder is the current one. Whoever started the process ends it.
"""

import contextlib
import io
import json
import os
import selectors
import socket
import sys

# The modules that hold a board's state. Chips, signals and buses are classes alone.
_OWN = ("simulation", "machine", "network", "flash", "spi_bus", "_onewire", "parts")
_OWN += tuple("parts." + name for name in ("i2c", "mem32", "pin", "rtc", "spi", "wdt"))
_ROOTS = ("machine", "network", "simulation", "_onewire")
# Of the script what the board itself needs: what its time and its flash go by.
_TOLD = ("machine", "rtc", "flash_full")
_CHUNK = 65536
_HOME = os.getcwd()


class _Death(BaseException):
    """The board's process is to end, by the signal that is the argument."""


class Board:
    """What one board has: its modules, and the objects that it was given of them."""

    def __init__(self, folder):
        self._folder = folder
        self._modules = {}
        self._given = {}

    def start(self):
        """The letter and the data of the first reply: what the board has to know of its script."""
        return self._in_its_place(self._load)

    def answer(self, path, args, named, buffers):
        """The same of what is behind ``path``, called with ``args`` unless they are None."""
        return self._in_its_place(self._answer, path, args, named, buffers)

    def _in_its_place(self, act, *args):
        said = io.StringIO()
        os.chdir(self._folder)
        sys.modules.update(self._modules)
        try:
            with contextlib.redirect_stdout(said):
                return act(*args)
        except SystemExit:
            return b"x", said.getvalue().strip().encode()
        except _Death as death:
            return b"k", death.args[0].encode()
        except Exception as error:
            known = [one if isinstance(one, (int, str)) else str(one) for one in error.args]
            return b"e", json.dumps([type(error).__name__, known]).encode()
        finally:
            self._modules = {name: sys.modules.pop(name) for name in _OWN if name in sys.modules}
            os.chdir(_HOME)

    def _load(self):
        import simulation

        simulation.die = _die
        told = {key: simulation.script[key] for key in _TOLD if key in simulation.script}
        # It is the board's own open() that fails, and not ours.
        simulation.script.pop("flash_full", None)
        import _onewire  # noqa: F401
        import machine  # noqa: F401
        import network  # noqa: F401

        return b"v", json.dumps(told).encode()

    def _answer(self, path, args, named, buffers):
        found = self._find(path)
        if args is None:
            return self._told(found, path)
        before = [bytes(one) for one in buffers]
        left = iter(buffers)
        args = [self._meant(one, left) for one in args]
        found = found(*args, **{key: self._meant(one, left) for key, one in named.items()})
        if found is None and before != buffers:
            return b"w", b"".join(buffers)
        return self._told(found, None)

    def _meant(self, one, buffers):
        if isinstance(one, list):
            return next(buffers)
        return self._find(one["path"]) if isinstance(one, dict) else one

    def _find(self, path):
        root, *names = path.split(".")
        found = sys.modules[root] if root in _ROOTS else self._given[root]
        for name in names:
            found = getattr(found, name)
        return found

    def _told(self, found, path):
        if isinstance(found, (bytes, bytearray)):
            return b"b", bytes(found)
        if found is None or isinstance(found, (bool, int, float, str, tuple, list, dict)):
            return b"v", json.dumps(found).encode()
        if path is None:
            # Two objects of one name are the same pin or bus; the older may be forgotten.
            path = repr(found).replace(".", " ")
            self._given[path] = found
        return b"o", path.encode()


def _die(signal):
    raise _Death(signal)


class Guest:
    """A board's connection."""

    def __init__(self, wire):
        self._wire = wire
        self._heard = b""
        self._board = None

    def hear(self):
        """Take in what came and answer it. False where the board has gone."""
        try:
            data = self._wire.recv(_CHUNK)
            self._heard += data
            while self._serve():
                pass
        except OSError:
            return False
        return bool(data)

    def _serve(self):
        """Answer one request, if all of it is there."""
        line, end, rest = self._heard.partition(b"\n")
        if not end:
            return False
        number, path, args, named = json.loads(line)
        given = [*(args or ()), *(named or {}).values()]
        sizes = [one[0] for one in given if isinstance(one, list)]
        if len(rest) < sum(sizes):
            return False
        buffers = []
        for size in sizes:
            buffers.append(bytearray(rest[:size]))
            rest = rest[size:]
        self._heard = rest
        if self._board is None:
            self._board = Board(path)
            kind, data = self._board.start()
        else:
            kind, data = self._board.answer(path, args, named, buffers)
        self._wire.sendall(bytes((number,)) + kind + len(data).to_bytes(2, "little") + data)
        return True


def serve(path):
    door = socket.socket(socket.AF_UNIX)
    door.bind(path + ".new")
    door.listen(64)
    # Whoever sees it can connect.
    os.rename(path + ".new", path)
    waiting = selectors.DefaultSelector()
    waiting.register(door, selectors.EVENT_READ)
    while True:
        for key, _ in waiting.select():
            if key.data is None:
                wire, _ = door.accept()
                waiting.register(wire, selectors.EVENT_READ, Guest(wire))
            elif not key.data.hear():
                waiting.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    serve(sys.argv[1])
