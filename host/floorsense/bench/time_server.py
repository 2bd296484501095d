"""An SNTP server of our own (RFC 4330), on a free UDP port of 127.0.0.1: what the bench's boards take their time from."""

import socket
import struct
import threading
import time
from types import TracebackType

_EPOCH = 2208988800  # from 1900 to 1970
_SIZE = 48
# Leap indicator 0, version 4, mode 4: server; stratum 2, poll 6, precision 2**-20 s, root delay and dispersion 15 ms.
_HEAD = struct.pack(">BBbbII4s", 0x24, 2, 6, -20, 1000, 1000, b"\x7f\0\0\1")


class TimeServer:
    """``with TimeServer() as server``: answers until left. ``ahead_s``: by how much its time is before the true one."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.answered = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def port(self) -> int:
        number: int = self._socket.getsockname()[1]
        return number

    def __enter__(self) -> "TimeServer":
        self._socket.bind(("127.0.0.1", 0))
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # An empty packet to itself ends it: closing a socket does not wake who waits for it.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as knock:
            knock.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self._socket.close()

    def answer(self, question: bytes) -> bytes | None:
        """The packet that answers ``question``, or None where it is no client's."""
        if len(question) < _SIZE or question[0] & 7 != 3:
            return None
        now = _timestamp(time.time() + self.ahead_s)
        return _HEAD + now + question[40:48] + now + now

    def _serve(self) -> None:
        while True:
            question, whose = self._socket.recvfrom(512)
            if not question and whose[0] == "127.0.0.1":
                return
            packet = self.answer(question)
            if packet is not None:
                self._socket.sendto(packet, whose)
                self.answered += 1


def _timestamp(unix_s: float) -> bytes:
    seconds, fraction = divmod(unix_s, 1)
    return struct.pack(">II", (int(seconds) + _EPOCH) & 0xFFFFFFFF, int(fraction * 2**32))
