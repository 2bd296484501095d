"""A raw window out of the messages in which a board sends it: in any order, with some missing, some twice, some broken."""

import binascii
import zlib

import numpy as np
from numpy.typing import NDArray

from floornode.contract.capture import CHUNK
from floornode.contract.captured import Chunk, Head, Refusal, decode


class Gathering:
    """``take`` what comes, until it ``is_whole``, or ``refused`` says why it never will be. It waits for nothing itself."""

    def __init__(self, id: str) -> None:
        """``id``: of the request; what has another is somebody else's."""
        self.id = id
        self.head: Head | None = None
        self.refused: str | None = None
        # Chunks, or whole windows, that did not fit their checksum.
        self.broken = 0
        self._chunks: dict[int, bytes] = {}

    def take(self, fields: object) -> bool:
        """Whether the decoded JSON of a capture message brought something new. Raises ValueError for what is none."""
        said = decode(fields)
        if said.id != self.id:
            return False
        if isinstance(said, Refusal):
            self.refused = said.why
            return True
        if isinstance(said, Head):
            is_new = self.head is None
            self.head = said
            return is_new
        assert isinstance(said, Chunk)
        data = _decoded(said)
        if data is None:
            self.broken += 1
            return False
        if said.number in self._chunks:
            return False
        self._chunks[said.number] = data
        return True

    def __len__(self) -> int:
        """Chunks that are here."""
        return len(self._chunks)

    def missing(self) -> list[int]:
        """The numbers of the chunks that are not here. Where the head did not come, any chunk brings it once more."""
        return [0] if self.head is None else [one for one in range(self.head.chunks) if one not in self._chunks]

    @property
    def is_whole(self) -> bool:
        """Whether all is here and fits the window's checksum. If not, what came is forgotten: who knows what was wrong."""
        if self.head is None or self.missing():
            return False
        if zlib.crc32(self._bytes()) == self.head.crc:
            return True
        self.broken += 1
        self._chunks.clear()
        return False

    def samples(self) -> NDArray[np.int16]:
        """The samples of a whole window, in the sensor's steps."""
        return np.frombuffer(self._bytes(), "<i2")

    def _bytes(self) -> bytes:
        assert self.head is not None
        data = b"".join(self._chunks[one].ljust(CHUNK, b"\0") for one in range(self.head.chunks))
        return data[: 2 * self.head.samples]


def _decoded(chunk: Chunk) -> bytes | None:
    """Its bytes, None where they do not fit their checksum."""
    try:
        data = binascii.a2b_base64(chunk.text, strict_mode=True)
    except ValueError:
        return None
    return data if zlib.crc32(data) == chunk.crc else None
