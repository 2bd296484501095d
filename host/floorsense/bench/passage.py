"""One board's connection through the link: its bytes packet by packet, in whatever weather there is."""

import asyncio
import contextlib
import itertools
import socket
import struct
from dataclasses import dataclass, field

from floorsense.bench.ledger import Conversation, Ledger
from floorsense.packets import PUBACK, PUBCOMP, PUBREC, NotMqttError, Packet, Splitter

_DIAL_S = 5
_CHUNK = 65536
# Packets on their way in one direction; the sender waits beyond.
_UNDER_WAY = 1000
_ACKNOWLEDGEMENTS = (PUBACK, PUBREC, PUBCOMP)


@dataclass
class Weather:
    """What happens to whatever passes, now. ``late_s``: seconds that each packet takes, each way."""

    flows: asyncio.Event = field(default_factory=asyncio.Event)
    late_s: float = 0.0
    loses_acknowledgements: bool = False
    # New connections are reset after their first packet.
    resets_new: bool = False
    # New connections are cut in the middle of a packet: the first, the second, ... of one after the other.
    cuts_new: bool = False
    places: "itertools.cycle[int]" = field(default_factory=lambda: itertools.cycle((1, 2, 3, 4)))


class _Cut(Exception):
    """The weather has ended this connection. ``by_reset``: with RST, else with FIN."""

    def __init__(self, by_reset: bool) -> None:
        super().__init__(by_reset)
        self.by_reset = by_reset


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Passage:
    """A board's connection, and ours to the broker in its name."""

    def __init__(self, weather: Weather, ledger: Ledger, board: Streams) -> None:
        self.talk = Conversation()
        # Packets until this connection is cut in the middle of one; None: never.
        self.cut_in: int | None = next(weather.places) if weather.cuts_new else None
        self._reset_in: int | None = 1 if weather.resets_new else None
        self._weather = weather
        self._ledger = ledger
        self._board = board
        self._broker: Streams | None = None
        self._pumps: list[asyncio.Task[None]] = []
        self._is_left = False
        self._closed_by_reset: bool | None = None

    async def run(self, address: tuple[str, int]) -> None:
        """Dial the broker and carry packets until either side, or the weather, ends it."""
        try:
            await self._weather.flows.wait()
            self._broker = await asyncio.wait_for(asyncio.open_connection(*address), _DIAL_S)
        except (OSError, TimeoutError):
            # There is no broker: to the board, that is a connection refused a little late.
            self.close(by_reset=True)
            return
        if self._is_left:
            # The weather was quicker than the broker's answer.
            if self._closed_by_reset is not None:
                self.close(self._closed_by_reset)
            return
        self._pumps = [
            *self._begin(self._board[0], self._broker[1], from_board=True),
            *self._begin(self._broker[0], self._board[1], from_board=False),
        ]
        done, _ = await asyncio.wait(self._pumps, return_when=asyncio.FIRST_EXCEPTION)
        errors = [one.exception() for one in done if not one.cancelled()]
        if any(one is not None for one in errors):
            self.close(any(isinstance(one, ConnectionResetError) or getattr(one, "by_reset", False) for one in errors))

    def close(self, by_reset: bool) -> None:
        """End both connections, by RST or by FIN."""
        self.abandon()
        self._closed_by_reset = by_reset
        for one in (self._board, self._broker):
            if one is None:
                continue
            if by_reset:
                # Where that side has closed already there is no socket left to set; TLS has none to show then.
                if (ours := one[1].get_extra_info("socket")) is not None:
                    with contextlib.suppress(OSError):
                        ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one[1].transport.abort()
            else:
                one[1].close()

    def abandon(self) -> None:
        """Carry nothing more, and tell nobody."""
        self._is_left = True
        for pump in self._pumps:
            pump.cancel()

    def is_carrying(self) -> bool:
        """Whether the board has been greeted over it, and could be heard."""
        return self.talk.is_greeted and bool(self._pumps) and not any(one.done() for one in self._pumps)

    def _begin(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_board: bool
    ) -> tuple[asyncio.Task[None], asyncio.Task[None]]:
        queue: asyncio.Queue[tuple[float, Packet | bytes | None]] = asyncio.Queue(_UNDER_WAY)
        return (
            asyncio.create_task(self._take(reader, queue)),
            asyncio.create_task(self._hand_on(queue, writer, from_board)),
        )

    async def _take(self, reader: asyncio.StreamReader, queue: "asyncio.Queue[tuple[float, Packet | bytes | None]]") -> None:
        splitter: Splitter | None = Splitter()
        while True:
            await self._weather.flows.wait()
            data = await reader.read(_CHUNK)
            due = asyncio.get_running_loop().time() + self._weather.late_s
            if not data:
                await queue.put((due, None))
                # The other task ends the connection once all before this is through.
                await asyncio.Event().wait()
            if splitter is not None:
                try:
                    for packet in splitter.take(data):
                        await queue.put((due, packet))
                    continue
                except NotMqttError:
                    # Not ours to judge: from here on it passes as it comes.
                    data, splitter = splitter.rest, None
            await queue.put((due, data))

    async def _hand_on(
        self,
        queue: "asyncio.Queue[tuple[float, Packet | bytes | None]]",
        writer: asyncio.StreamWriter,
        from_board: bool,
    ) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await queue.get()
            if (wait := due - loop.time()) > 0:
                await asyncio.sleep(wait)
            await self._weather.flows.wait()
            if piece is None:
                raise _Cut(by_reset=False)
            data = piece.data if isinstance(piece, Packet) else piece
            if self._counts_down_to_cut():
                writer.write(data[: max(1, len(data) // 2)])
                await writer.drain()
                raise _Cut(by_reset=False)
            if isinstance(piece, Packet):
                if self._weather.loses_acknowledgements and not from_board and piece.kind in _ACKNOWLEDGEMENTS:
                    continue
                self._ledger.saw(self.talk, piece, from_board)
            writer.write(data)
            await writer.drain()
            if self._reset_in:
                raise _Cut(by_reset=True)

    def _counts_down_to_cut(self) -> bool:
        if self.cut_in is None:
            return False
        self.cut_in -= 1
        return self.cut_in == 0
