"""The link between boards and broker, made to fail on request: a TCP proxy that knows MQTT packets.

Boards dial the link; it dials the broker for each. What it can do to them is what networks do: refuse, reset, swallow,
delay, cut. The broker and whoever listens there directly notice only what reaches them.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from floorsense.bench.certificates import Certificates
from floorsense.bench.ledger import Ledger
from floorsense.bench.passage import Passage, Weather

_HOST = "127.0.0.1"
# Any call from outside is answered by the loop at once, or the machine is far too busy.
_ANSWER_S = 10


class Link:
    """``with Link(broker) as link``: boards dial ``link.address``. All methods may be called from any thread."""

    def __init__(self, broker: tuple[str, int], certificates: Certificates | None = None) -> None:
        """``certificates``: the boards speak TLS to the link, which shows them the good one; the broker hears plain MQTT."""
        self.ledger = Ledger()
        # Since when no connection is let in, in Unix ms; None while they are.
        self.shut_at: float | None = None
        self.address = (_HOST, 0)
        self.broker = broker
        self._certificates = certificates
        self._shown = certificates.good if certificates else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="link", daemon=True)
        self._weather = Weather()
        self._door: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._passages: set[Passage] = set()
        # Dead connections that nobody was told of; they are held so that nobody is.
        self._abandoned: list[Passage] = []

    def __enter__(self) -> "Link":
        self._reserve()
        self._thread.start()
        self.release()
        self.admit()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_S)
        self._loop.close()

    def serves(self, board: str) -> bool:
        """Whether ``board`` (SITE/FLOOR/MACHINE) is connected through it, and greeted by the broker."""
        return any(one.talk.board == board and one.is_carrying() for one in self._passages.copy())

    # What a network does. Each holds until its opposite is called.

    def refuse(self) -> None:
        """Whoever dials is refused; the connections there are go on."""
        self._run(self._refuse())

    def admit(self) -> None:
        self._run(self._admit())

    def expire(self, on: bool) -> None:
        """Whoever dials is shown an expired certificate; the connections there are go on."""
        assert self._certificates is not None
        self._shown = self._certificates.expired if on else self._certificates.good
        if self.shut_at is None:
            self._run(self._admit())

    def hold(self) -> None:
        """Nothing passes, either way, and nobody is told; what was sent waits."""
        self._call(self._weather.flows.clear)

    def release(self) -> None:
        self._call(self._weather.flows.set)

    def delay(self, seconds: float) -> None:
        """Each packet takes so long, each way."""
        self._weather.late_s = seconds

    def lose_acknowledgements(self, on: bool) -> None:
        """No PUBACK, PUBREC or PUBCOMP reaches a board."""
        self._weather.loses_acknowledgements = on

    def reset_new(self, on: bool) -> None:
        """New connections are reset after their first packet."""
        self._weather.resets_new = on

    def cut_new(self, on: bool) -> None:
        """New connections are closed in the middle of their first packet, second, third, fourth, in turn."""
        self._weather.cuts_new = on

    # What happens to the connections of this moment.

    def reset(self) -> None:
        """All are reset."""

        def end() -> None:
            for one in self._passages.copy():
                one.close(by_reset=True)

        self._call(end)

    def cut(self) -> None:
        """Each is closed in the middle of the next packet, whichever way that goes."""

        def mark() -> None:
            for one in self._passages:
                one.cut_in = 1

        self._call(mark)

    def abandon(self) -> None:
        """All are dead for good, and neither side is told: half-open."""

        def leave() -> None:
            for one in self._passages:
                one.abandon()
            self._abandoned += self._passages
            self._passages.clear()

        self._call(leave)

    def client_ids(self) -> list[bytes]:
        """Of the boards that are connected now."""
        return sorted({one.talk.client_id for one in self._passages.copy() if one.is_carrying()})

    # Inside the loop.

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(_ANSWER_S)

    def _call(self, what: Callable[[], object]) -> None:
        async def now() -> None:
            what()

        self._run(now())

    def _reserve(self) -> None:
        """Bind the port without listening: it refuses, and nobody else can take it."""
        self._door = door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(self.address)
        self.address = door.getsockname()

    async def _admit(self) -> None:
        if self._server is not None:
            self._server.close()
            self._reserve()
        shown = self._shown

        async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # Whoever began with another certificate is through with it only now.
            if shown is self._shown:
                await self._welcome(reader, writer)
            else:
                writer.transport.abort()

        self._server = await asyncio.start_server(welcome, sock=self._door, ssl=shown, backlog=1024)
        self.shut_at = None

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._reserve()
            self.shut_at = time.time() * 1000

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        passage = Passage(self._weather, self.ledger, (reader, writer))
        self._passages.add(passage)
        try:
            await passage.run(self.broker)
        finally:
            self._passages.discard(passage)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
        elif self._door is not None:
            self._door.close()
        for one in [*self._passages, *self._abandoned]:
            one.close(by_reset=True)
        # Their tasks see it in the next turns of the loop.
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
