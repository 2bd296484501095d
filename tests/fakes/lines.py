"""The two ends of a cable in software: a pseudo-terminal, or a socket on loopback, with a thread that plays the board."""

import contextlib
import os
import select
import socket
import threading
import tty


class PtyLine:
    """A pseudo-terminal. ``url`` is what a host opens; bytes go both ways untouched."""

    def __init__(self):
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.url = os.ttyname(self._slave)

    def read(self, limit_s):
        """What has come, or nothing after ``limit_s``; None when the line is closed."""
        try:
            ready, _, _ = select.select([self._master], [], [], limit_s)
            return os.read(self._master, 65536) if ready else b""
        except (OSError, ValueError):
            return None

    def write(self, data):
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._master, data) :]

    def close(self):
        """Pull the cable: whoever has it open gets errors."""
        master, slave, self._master, self._slave = self._master, self._slave, -1, -1
        for fd in (master, slave):
            if fd >= 0:
                os.close(fd)


class SocketLine:
    """The same over TCP, one host at a time."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.setblocking(False)
        self._link = None
        self.url = "socket://127.0.0.1:%d" % self._server.getsockname()[1]

    def read(self, limit_s):
        try:
            ready, _, _ = select.select([self._link or self._server], [], [], limit_s)
            if not ready:
                return b""
            if self._link is None:
                self._link, _ = self._server.accept()
                return b""
            data = self._link.recv(65536)
        except (OSError, ValueError):
            data = None if self._server.fileno() < 0 else b""
        if data == b"" and self._link is not None:
            self._link.close()
            self._link = None
        return data

    def write(self, data):
        if self._link is not None:
            with contextlib.suppress(OSError):
                self._link.sendall(data)

    def close(self):
        for one in (self._link, self._server):
            if one is not None:
                one.close()


class Player:
    """A thread that hands what comes on a line to ``hear`` until it is stopped. Use it in a ``with``."""

    def __init__(self, line):
        self.line = line
        self.url = line.url
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._play, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopped.set()
        self._thread.join(5)
        self.line.close()

    def _play(self):
        while not self._stopped.is_set():
            data = self.line.read(0.02)
            if data is None:
                return
            if data:
                self.hear(data)
            self.tick()

    def hear(self, data):
        raise NotImplementedError

    def tick(self):
        """What happens without a byte coming."""
