"""A thousand boards in one process: an MQTT connection each, readings by the contract's own code, at QoS 1.

    python publishers.py --port 1883 --boards 1000 --rate 5000 --seconds 60

As a board does, each keeps what is not acknowledged and sends it again, in order, on its next connection. SIGTERM ends the
publishing early. The last line of output is JSON: what was sent and acknowledged, in all and by topic.
"""

import argparse
import asyncio
import json
import signal
import struct
import time

from floornode.contract.payload import encode
from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading

TEMPERATURE = quantity("temperature")
# A board's window: beyond, its readings wait, and none is made.
WINDOW = 200


def _packet(kind: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (128 if length else 0))
        if not length:
            return bytes([kind]) + bytes(digits) + body


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("!H", len(data)) + data


class Board(asyncio.Protocol):
    def __init__(self, number: int, boot: int) -> None:
        self.topic = f"factory/floor-{number % 10}/machine-{number}/temperature"
        self.boot = boot
        self.seq = 0
        self.acknowledged = 0
        self._name = f"board-{number}"
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int, bytes] = {}
        self._in = b""
        self._mid = 0
        self.gone = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        return self._transport is not None and len(self._waiting) < WINDOW

    @property
    def unacknowledged(self) -> int:
        return len(self._waiting)

    def publish(self, now_ms: int) -> None:
        value = 2000 + (self.seq * 7 + self.boot) % 500
        payload = encode(Reading(TEMPERATURE, value, now_ms, 0, None, None, self.boot, self.seq))
        self.seq += 1
        self._mid = self._mid % 65535 + 1
        packet = _packet(0x32, _text(self.topic) + struct.pack("!H", self._mid) + payload)
        self._waiting[self._mid] = packet
        assert self._transport is not None
        self._transport.write(packet)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._in = b""
        self.gone.clear()
        transport.write(_packet(0x10, _text("MQTT") + b"\x04\x02\x00\x00" + _text(self._name)))  # type: ignore[attr-defined]
        self._greeting = transport

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self.gone.set()

    def data_received(self, data: bytes) -> None:
        self._in += data
        while len(self._in) >= 4:
            kind, first, second = self._in[0], self._in[2], self._in[3]
            self._in = self._in[4:]
            if kind == 0x40:
                self.acknowledged += self._waiting.pop(first << 8 | second, None) is not None
            elif kind == 0x20 and second == 0:
                self._transport = self._greeting  # type: ignore[assignment]
                for packet in self._waiting.values():
                    self._greeting.write(bytes([packet[0] | 8]) + packet[1:])  # type: ignore[attr-defined]


async def _keep_connected(board: Board, host: str, port: int) -> None:
    pause = 0.2
    while True:
        try:
            await asyncio.get_running_loop().create_connection(lambda: board, host, port)
        except OSError:
            await asyncio.sleep(pause)
            pause = min(2 * pause, 2.0)
            continue
        pause = 0.2
        await board.gone.wait()


async def publish(host: str, port: int, count: int, rate: float, seconds: float, boot: int, linger: float) -> dict[str, object]:
    boards = [Board(number, boot) for number in range(count)]
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    keepers = []
    for board in boards:
        keepers.append(asyncio.create_task(_keep_connected(board, host, port)))
        if len(keepers) % 50 == 0:
            await asyncio.sleep(0.02)
    while not all(board.is_ready for board in boards) and not stopped.is_set():
        await asyncio.sleep(0.05)
    print("connected", flush=True)
    began = time.monotonic()
    sent, held, at = 0, 0, 0
    while (elapsed := time.monotonic() - began) < seconds and not stopped.is_set():
        now_ms = int(time.time() * 1000)
        for _ in range(min(int(elapsed * rate) - sent - held, 2000)):
            board = boards[at % count]
            at += 1
            if board.is_ready:
                board.publish(now_ms)
                sent += 1
            else:
                held += 1
        await asyncio.sleep(0.005)
    took = time.monotonic() - began
    end = time.monotonic() + linger
    while any(board.unacknowledged for board in boards) and time.monotonic() < end:
        await asyncio.sleep(0.02)
    for keeper in keepers:
        keeper.cancel()
    return {
        "sent": sent,
        "held": held,
        "seconds": took,
        "acknowledged": sum(board.acknowledged for board in boards),
        "topics": {board.topic: board.seq for board in boards},
    }


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--boards", type=int, default=1000)
    options.add_argument("--rate", type=float, default=5000)
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--boot", type=int, default=1)
    options.add_argument("--linger", type=float, default=30)
    given = options.parse_args()
    told = asyncio.run(publish(given.host, given.port, given.boards, given.rate, given.seconds, given.boot, given.linger))
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
