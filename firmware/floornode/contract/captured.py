"""The messages of ``capture``, as whoever asked for a window reads them."""

from .capture import CHUNK, chunks_of
from .command import check_id
from .decoding import count, flags_of, number, seconds
from .quantities import quantity
from .text import shown

# Of one window: more than any board of today has RAM for.
MAX_SAMPLES = 16384


class Head:
    """What a window is: the fields of ``capture``, ``ts`` in s, ``flags`` as the bits of ``reading``."""

    def __init__(self, fields):
        self.id = check_id(fields["id"])
        name = fields["capture"]
        if not isinstance(name, str):
            raise ValueError("capture %s is no name of a quantity" % shown(name))
        quantity(name)
        self.name = name
        self.boot = count(fields.get("boot"), "'boot' of the capture")
        self.seq = count(fields.get("seq"), "'seq' of the capture")
        self.ts = seconds(fields.get("ts"))
        self.flags = flags_of(fields["quality"]) if "quality" in fields else 0
        self.sensor = fields.get("sensor")
        if not isinstance(self.sensor, str):
            raise ValueError("'sensor' of the capture is not text")
        self.rate = number(fields.get("rate"), "'rate' of the capture", 0, 10**6)
        self.scale = number(fields.get("scale"), "'scale' of the capture", 0, 1000)
        self.samples = count(fields.get("samples"), "'samples' of the capture")
        self.crc = count(fields.get("crc"), "'crc' of the capture")
        if not 1 <= self.samples <= MAX_SAMPLES:
            raise ValueError("'samples' of the capture is %d; there are 1 to %d" % (self.samples, MAX_SAMPLES))
        self.chunks = chunks_of(self.samples)
        if count(fields.get("chunks"), "'chunks' of the capture") != self.chunks:
            raise ValueError("'chunks' of the capture is %s, not %d" % (shown(fields["chunks"]), self.chunks))


class Chunk:
    """``number``; ``text``, its samples in Base64, and ``crc``, to be checked by whoever decodes that."""

    def __init__(self, fields):
        self.id = check_id(fields["id"])
        self.number = count(fields["chunk"], "'chunk' of the capture")
        if self.number >= chunks_of(MAX_SAMPLES):
            raise ValueError("'chunk' of the capture is %d; there are at most %d" % (self.number, chunks_of(MAX_SAMPLES)))
        self.crc = count(fields.get("crc"), "'crc' of the chunk")
        self.text = fields.get("data")
        if not isinstance(self.text, str) or len(self.text) > 2 * CHUNK:
            raise ValueError("'data' of the chunk is not text of at most %d characters" % (2 * CHUNK))


class Refusal:
    def __init__(self, fields):
        self.id = check_id(fields["id"])
        self.why = fields["refused"]
        if not isinstance(self.why, str):
            raise ValueError("'refused' of the capture is not text")


def decode(fields):
    """The Head, Chunk or Refusal in the decoded JSON of a capture message. Raises ValueError with what is wrong."""
    if not isinstance(fields, dict):
        raise ValueError("capture is not a JSON object")
    if "id" not in fields:
        raise ValueError("capture lacks its 'id'")
    for name, kind in (("refused", Refusal), ("chunk", Chunk), ("capture", Head)):
        if name in fields:
            return kind(fields)
    raise ValueError("capture has neither 'capture', 'chunk' nor 'refused'")
