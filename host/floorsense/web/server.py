"""Serving an app: the address as people write it, uvicorn in a thread of its own, and a clean end."""

import errno
import ipaddress
import socket
import ssl
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Thread

import uvicorn
from fastapi import FastAPI

from floorsense.errors import FloorsenseError, UsageError
from floorsense.web.doors import Doors
from floorsense.web.guard import Guard

_START_S = 10
# A WebSocket or a stream of events has no end of its own.
_GRACE_S = 3
_KEEP_ALIVE_S = 20
# Whoever stores a batch beside it would hold the interpreter for 5 ms at a time, and each value on its way to a page waits
# for several such turns.
_TURN_S = 0.001


@dataclass(frozen=True)
class Listen:
    """``host`` is an address: a name could be of several."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Listen":
        """HOST:PORT, [ADDRESS]:PORT for IPv6. Raises UsageError."""
        host, colon, port = text.rpartition(":")
        bare = host.removeprefix("[").removesuffix("]")
        try:
            address = ipaddress.ip_address("127.0.0.1" if bare == "localhost" else bare)
            number = int(port)
        except ValueError:
            number = -1
        if not colon or not port.isdecimal() or not 0 <= number <= 65535:
            raise UsageError(f"--listen {text!r}: write ADDRESS:PORT, as 127.0.0.1:8080 or [::1]:8080")
        return cls(str(address), number)

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Tls:
    """PEM files: a certificate with its chain, and its key."""

    certificate: Path
    key: Path

    def check(self) -> None:
        """Raises UsageError where they cannot be read, or are not one another's."""
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.certificate, self.key, lambda: "")
        except OSError as error:
            what = "not a certificate and its key, in PEM" if isinstance(error, ssl.SSLError) else error.strerror
            raise UsageError(f"--cert {self.certificate}, --key {self.key}: {what}") from error


class WebServer:
    """``with WebServer(app, listen) as server``: it serves at ``server.url`` until the block is left."""

    def __init__(self, app: FastAPI, listen: Listen, tls: Tls | None = None) -> None:
        """Takes the port. Raises UsageError where that cannot be had, or should not without a login."""
        doors: Doors = app.state.doors
        if doors.accounts is None:
            if not listen.is_loopback:
                raise UsageError(f"--listen {listen}: beyond this machine a login is required; listen on 127.0.0.1")
            doors.bind_to_loopback()
        if tls is not None:
            tls.check()
        self._socket = _bound(listen)
        self.url = f"{'https' if tls else 'http'}://{Listen(listen.host, self._socket.getsockname()[1])}"
        config = uvicorn.Config(
            app,
            http=partial(Guard, addresses=Counter()),  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=_GRACE_S,
            limit_concurrency=500,
            h11_max_incomplete_event_size=65536,
            ws_max_size=4096,
            ws_max_queue=8,
            # It would cost a busy process more than the network it spares.
            ws_per_message_deflate=False,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        self._server = uvicorn.Server(config)
        # Not in the main thread: there uvicorn would take the signals, and raise them again when it ends.
        self._thread = Thread(target=self._server.run, args=([self._socket],), name="web", daemon=True)

    def __enter__(self) -> "WebServer":
        sys.setswitchinterval(_TURN_S)
        self._thread.start()
        end = time.monotonic() + _START_S
        while not self._server.started and self._thread.is_alive() and time.monotonic() < end:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(_GRACE_S + 5)
        with suppress(OSError):
            self._socket.close()

    def wait(self, stopped: Event) -> None:
        """Until ``stopped`` is set. Raises FloorsenseError where the server ends before that."""
        while not stopped.wait(0.5):
            if not self._thread.is_alive():
                raise FloorsenseError("the web server ended by itself; its log says why")


def _bound(listen: Listen) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        return socket.create_server((listen.host, listen.port), family=family, backlog=256)
    except OSError as error:
        hints = {
            errno.EADDRINUSE: "somebody listens there already; choose another port, or stop them",
            errno.EACCES: "ports below 1024 are the system's; choose one above",
            errno.EADDRNOTAVAIL: "this machine has no such address",
        }
        raise UsageError(f"--listen {listen}: {hints.get(error.errno or 0, error.strerror)}") from error
