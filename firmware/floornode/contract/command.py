"""What a board may be told, on ``SITE/FLOOR/MACHINE/command``: to send the raw window behind its latest vibration reading.

::

    {"capture":"vibration","id":"5f3a9c01"}
    {"capture":"vibration","id":"5f3a9c01","chunks":[2,5]}

The ``id`` is the asker's, and comes back in each answer (``capture``). ``chunks`` asks for some of them again; an empty list
says that all came, and that the board may let the window go. Commands are not retained: what a broker keeps it tells at each
start of a board, which lets it go.
"""

from .text import shown

# Characters of an id, which are digits and letters from a to z.
MAX_ID = 16
# Chunks that can be asked for at once: those of a window of 4096 samples.
MAX_CHUNKS = 64
# Bytes. A board has room for no larger message, and lets it go unread.
MAX_SIZE = 512


def encode(name, id, chunks=None):
    """The payload as bytes that asks for the window of the quantity called ``name``."""
    again = "" if chunks is None else ',"chunks":[%s]' % ",".join([str(one) for one in chunks])
    return ('{"capture":"%s","id":"%s"%s}' % (name, id, again)).encode()


def decode(fields):
    """``(name, id, chunks or None)`` of a command's decoded JSON. Raises ValueError with what is wrong. Further fields pass."""
    if not isinstance(fields, dict) or "capture" not in fields:
        raise ValueError("no command; known is capture")
    name = fields["capture"]
    if not isinstance(name, str):
        raise ValueError("capture %s is no name of a quantity" % shown(name))
    chunks = fields.get("chunks")
    if chunks is not None:
        if not isinstance(chunks, list) or len(chunks) > MAX_CHUNKS:
            raise ValueError("chunks are no list of at most %d" % MAX_CHUNKS)
        for one in chunks:
            if not isinstance(one, int) or isinstance(one, bool) or not 0 <= one < MAX_CHUNKS:
                raise ValueError("chunk %s is no whole number from 0 to %d" % (shown(one), MAX_CHUNKS - 1))
    return name, check_id(fields.get("id")), chunks


def check_id(id):
    """``id`` if it can be one. Raises ValueError."""
    if not isinstance(id, str) or not 1 <= len(id) <= MAX_ID or [char for char in id if char not in _ID]:
        raise ValueError("id %s is not 1 to %d of 0-9 and a-z" % (shown(id), MAX_ID))
    return id


_ID = "0123456789abcdefghijklmnopqrstuvwxyz"
