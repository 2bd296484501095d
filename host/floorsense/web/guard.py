"""What a connection must do to stay: uvicorn's HTTP protocol waits for ever for the rest of a request; this one does not."""

import asyncio
import ipaddress
import socket
from collections import Counter
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

# From a connection's or a request's first byte to the last of its body. A batch of 4 MiB then needs 1.2 Mbit/s.
REQUEST_S = 30.0
# Of one address at a time. A page has some six; those of this machine, a proxy's say, are not counted.
MOST_CONNECTIONS = 100
# Who takes nothing of an answer for so long is gone, a phone that was switched off as well.
_TAKE_MS = 30_000
_WHOLE = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED, h11.ERROR)


class Guard(H11Protocol):
    """One connection. ``addresses`` counts those of all, by where they come from."""

    def __init__(self, *arguments: Any, addresses: Counter[str], request_s: float = REQUEST_S, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._addresses = addresses
        self._request_s = request_s
        self._counted: str | None = None
        self._due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _find_the_gone(transport)
        address = self.client[0] if self.client else ""
        if not _is_loopback(address):
            if self._addresses[address] >= MOST_CONNECTIONS:
                transport.abort()
                return
            self._addresses[address] += 1
            self._counted = address
        self._start()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state in _WHOLE:
            self._stop()
        elif self._due is None:
            self._start()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """From here on the connection is another protocol's, which pings."""
        self._release()
        super().handle_websocket_upgrade(event)

    def connection_lost(self, exc: Exception | None) -> None:
        self._release()
        super().connection_lost(exc)

    def _start(self) -> None:
        self._due = self.loop.call_later(self._request_s, self._hang_up)

    def _stop(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _hang_up(self) -> None:
        if self.transport.get_protocol() is self:
            self.transport.abort()

    def _release(self) -> None:
        self._stop()
        if self._counted is not None:
            self._addresses[self._counted] -= 1
            if not self._addresses[self._counted]:
                del self._addresses[self._counted]
            self._counted = None


def _find_the_gone(transport: asyncio.Transport) -> None:
    found = transport.get_extra_info("socket")
    if found is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        # RFC 5482: also where the other end keeps its window shut.
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TAKE_MS)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
