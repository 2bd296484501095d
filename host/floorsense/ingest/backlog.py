"""Messages between the broker's link and the storage: in order, and never more than fit."""

from collections import deque
from dataclasses import dataclass
from threading import Condition

MAX_MESSAGES = 20_000
MAX_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """``connection``: on which of the link's it came; an acknowledgement is good on no other. ``arrived``: Unix ms."""

    connection: int
    mid: int
    qos: int
    topic: str
    payload: bytes
    arrived: int


class Backlog:
    """One thread puts, another takes."""

    def __init__(self, most: int = MAX_MESSAGES, most_bytes: int = MAX_BYTES) -> None:
        self._messages: deque[Message] = deque()
        self._bytes = 0
        self._most = most
        self._most_bytes = most_bytes
        self._came = Condition()

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: Message) -> bool:
        """False where it is full; one message always fits, however large."""
        with self._came:
            room = len(self._messages) < self._most and self._bytes + len(message.payload) <= self._most_bytes
            if not room and self._messages:
                return False
            self._messages.append(message)
            self._bytes += len(message.payload)
            self._came.notify()
            return True

    def take(self, most: int, timeout_s: float) -> list[Message]:
        """The oldest, ``most`` at most, after waiting for the first; [] where none came in time."""
        with self._came:
            self._came.wait_for(lambda: bool(self._messages), timeout_s)
            taken = [self._messages.popleft() for _ in range(min(most, len(self._messages)))]
            self._bytes -= sum(len(message.payload) for message in taken)
        return taken

    def is_nearly_full(self) -> bool:
        """Time to read no more; what is under way still fits."""
        return 4 * len(self._messages) >= 3 * self._most or 4 * self._bytes >= 3 * self._most_bytes

    def has_room_again(self) -> bool:
        """Half of it is free: after an overflow it is worth asking for more."""
        return len(self._messages) <= self._most // 2 and self._bytes <= self._most_bytes // 2

    def wake(self) -> None:
        """Whoever waits in ``take`` looks up."""
        with self._came:
            self._came.notify_all()
