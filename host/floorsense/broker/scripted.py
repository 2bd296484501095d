"""A broker that does what a script says, byte by byte, and writes down all that was said.

    with ScriptedBroker() as broker:
        talk = broker.accept(within=5)
        talk.greet()
        reading = talk.wait(lambda one: one.kind == PUBLISH, within=5)
        talk.send(acknowledgement(PUBACK, reading.pid))

Every wait has a limit, and ends in a ``Silence`` where it passes. What the device may not send ends in a ``Violation``.
"""

import contextlib
import socket
import struct
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType

from floorsense import packets
from floorsense.packets import Connect, NotMqttError, Packet, Splitter

_HOST = "127.0.0.1"
_CHUNK = 65536
_SEND_S = 10
# Lines of the record: the beginning, which explains the rest, and the latest.
_FIRST, _LAST = 30, 60


class Silence(Exception):
    """What was waited for did not come."""


class Closed(Exception):
    """The device ended the connection. ``at``: when, as ``time.monotonic``."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.at = time.monotonic()


class Violation(Exception):
    """The device sent what MQTT 3.1.1 does not allow."""


class Record:
    """What was said and when, a line each; bounded."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._first: list[str] = []
        self._last: deque[str] = deque(maxlen=_LAST)
        self._left_out = 0

    def add(self, text: str) -> None:
        line = f"{time.monotonic() - self._start:8.3f} s  {text}"
        if len(self._first) < _FIRST:
            self._first.append(line)
            return
        self._left_out += len(self._last) == _LAST
        self._last.append(line)

    def lines(self) -> list[str]:
        left_out = [f"          ... {self._left_out} lines ..."] if self._left_out else []
        return [*self._first, *left_out, *self._last]


class ScriptedBroker:
    """``with ScriptedBroker() as broker``: devices dial ``broker.port`` of 127.0.0.1. For one script in one thread."""

    def __init__(self, record: Record | None = None, listens: bool = True) -> None:
        """``listens``: False for a port that refuses, until ``listen`` is called."""
        self.record = record or Record()
        self.port = 0
        # Client ids whose sessions are kept.
        self.sessions: set[bytes] = set()
        self._listens = listens
        self._socket: socket.socket | None = None
        self._talks: list[Talk] = []

    def __enter__(self) -> "ScriptedBroker":
        self._socket = door = socket.socket()
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((_HOST, 0))
        self.port = door.getsockname()[1]
        if self._listens:
            self.listen()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for one in self._talks:
            one.close()
        if self._socket is not None:
            self._socket.close()

    def listen(self, backlog: int = 16) -> None:
        """Take connections from now on."""
        assert self._socket is not None
        self._socket.listen(backlog)

    def accept(self, within: float) -> "Talk":
        """The next connection. Raises Silence."""
        talk = self.knock(within)
        if talk is None:
            self.record.add("no connection")
            raise Silence(f"no connection within {within:.1f} s")
        return talk

    def knock(self, within: float) -> "Talk | None":
        """The next connection, if one comes."""
        assert self._socket is not None
        self._socket.settimeout(max(within, 0.001))
        try:
            connection, _ = self._socket.accept()
        except TimeoutError:
            return None
        self.record.add("connected")
        talk = Talk(connection, self)
        self._talks.append(talk)
        return talk


class Talk:
    """One connection. ``connect``: what the device's CONNECT said, once ``greet`` or ``hear_connect`` has heard it."""

    def __init__(self, connection: socket.socket, broker: ScriptedBroker) -> None:
        self.began = time.monotonic()
        self.heard_at = self.said_at = self.began
        self.connect: Connect | None = None
        # The longest time between two packets of the device's.
        self.longest_pause = 0.0
        self._broker = broker
        self._record = broker.record
        self._socket = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._splitter = Splitter()
        self._ready: deque[Packet] = deque()
        self._has_begun = False

    def next(self, within: float) -> Packet:
        """The next packet. Raises Silence, Closed or Violation."""
        end = time.monotonic() + within
        while not self._ready:
            left = end - time.monotonic()
            if left <= 0:
                raise Silence(f"nothing within {within:.1f} s")
            self._fill(left)
        return self._ready.popleft()

    def wait(self, is_it: Callable[[Packet], bool], within: float) -> Packet:
        """The next packet that ``is_it``; the others are left unanswered. Raises as ``next``."""
        end = time.monotonic() + within
        while True:
            found = self.next(max(0.0, end - time.monotonic()))
            if is_it(found):
                return found

    def hear_connect(self, within: float) -> Connect:
        """The CONNECT that every connection begins with. Raises as ``next``."""
        first = self.next(within)
        if first.kind != packets.CONNECT:
            raise Violation(f"its first packet is {first.name}, not CONNECT (section 3.1)")
        self.connect = first.connect
        return self.connect

    def greet(self, within: float = 10, session_present: bool | None = None) -> Connect:
        """Hear CONNECT and take the device in. ``session_present``: None for what a broker that keeps sessions says."""
        said = self.hear_connect(within)
        known = said.client_id in self._broker.sessions and not said.clean
        self._broker.sessions.discard(said.client_id)
        if not said.clean:
            self._broker.sessions.add(said.client_id)
        self.send(packets.connack(0, known if session_present is None else session_present and not said.clean))
        return said

    def answer(self, packet: Packet) -> None:
        """As a broker of good manners does."""
        if said := packets.answer(packet):
            self.send(said)

    def serve(self, seconds: float, until: Callable[[Packet], bool] = lambda _: False) -> list[Packet]:
        """Answer as a broker does, for ``seconds`` or until a packet that was waited for, and return what came.

        Raises Closed and Violation.
        """
        return self.watch(seconds, until, self.answer)

    def watch(
        self,
        seconds: float,
        until: Callable[[Packet], bool] = lambda _: False,
        answer: Callable[[Packet], None] = lambda _: None,
    ) -> list[Packet]:
        """As ``serve``, giving each packet to ``answer``; by default nothing is answered."""
        end, found = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            try:
                packet = self.next(left)
            except Silence:
                break
            found.append(packet)
            answer(packet)
            if until(packet):
                break
        return found

    def send(self, data: bytes, piece: int = 0, pause: float = 0.0) -> None:
        """Say ``data``; in pieces of ``piece`` bytes, with a ``pause`` in seconds after each. Raises Closed."""
        if not data:
            return
        for whole in _split(data):
            self._record.add(f"< {whole} | {whole.hex()}")
        size = piece or len(data)
        try:
            for at in range(0, len(data), size):
                self._socket.settimeout(_SEND_S)
                self._socket.sendall(data[at : at + size])
                if pause:
                    time.sleep(pause)
        except OSError as error:
            raise self._closed(error) from None
        self.said_at = time.monotonic()

    def wait_closed(self, within: float) -> float:
        """Wait for the device to end the connection, whatever it sends before. Returns when. Raises Silence."""
        end = time.monotonic() + within
        try:
            while True:
                self.next(max(0.0, end - time.monotonic()))
        except Closed as closed:
            return closed.at

    def close(self, by_reset: bool = False) -> float:
        """End the connection, by FIN or RST. Returns when."""
        if self._socket.fileno() >= 0:
            self._record.add("we reset the connection" if by_reset else "we close the connection")
            with contextlib.suppress(OSError):
                if by_reset:
                    self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    # What is unread would turn the FIN into a RST.
                    self._socket.shutdown(socket.SHUT_WR)
                    self._socket.setblocking(False)
                    while self._socket.recv(_CHUNK):
                        pass
            self._socket.close()
        return time.monotonic()

    def _fill(self, within: float) -> None:
        if self._socket.fileno() < 0:
            raise Closed("closed before")
        self._socket.settimeout(max(within, 0.001))
        try:
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            return
        except OSError as error:
            raise self._closed(error) from None
        if not data:
            raise self._closed(None)
        now = time.monotonic()
        self.longest_pause = max(self.longest_pause, now - self.heard_at)
        self.heard_at = now
        try:
            found = self._splitter.take(data)
        except NotMqttError as error:
            self._record.add(f"> {data[:40].hex(' ')}")
            raise Violation(f"it is no MQTT packet: {error}; it begins with {data[:20].hex(' ')}") from None
        for packet in found:
            self._record.add(f"> {packet} | {packet.hex()}")
            if fault := packet.fault():
                raise Violation(fault)
            if packet.kind == packets.CONNECT and self._has_begun:
                raise Violation("a second CONNECT on one connection (section 3.1)")
            self._has_begun = True
        self._ready += found

    def _closed(self, error: OSError | None) -> Closed:
        how = "the device closed the connection" if error is None else "the device reset the connection"
        if self._socket.fileno() >= 0:
            self._record.add(how)
            self._socket.close()
        return Closed(how)


def _split(data: bytes) -> list[Packet]:
    with contextlib.suppress(NotMqttError):
        return Splitter().take(data)
    return []
