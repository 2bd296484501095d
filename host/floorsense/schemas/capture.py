"""The messages of a raw window on request as JSON Schemas: what ``command.decode`` and ``captured.decode`` let pass."""

from floornode.contract.capture import CHUNK, chunks_of
from floornode.contract.captured import MAX_SAMPLES
from floornode.contract.command import MAX_CHUNKS, MAX_ID
from floornode.contract.quantities import QUANTITIES
from floornode.contract.reading import QUALITIES
from floornode.contract.topics import CAPTURE, COMMAND

from .contract import _COUNT, _SECONDS, DIALECT, POINT, Schema

_ID: Schema = {"type": "string", "pattern": f"^[0-9a-z]{{1,{MAX_ID}}}$", "description": "The asker's, in each answer."}
_CRC: Schema = {**_COUNT, "description": "CRC-32 (ITU-T V.42) of the bytes."}


def command() -> Schema:
    return {"$schema": DIALECT, **command_body()}


def command_body() -> Schema:
    """The same without its head, to be part of another document."""
    return {
        "title": "A request for the raw window behind a reading",
        "description": f"The payload on SITE/FLOOR/MACHINE/{COMMAND}, at QoS 1 and not retained.",
        "type": "object",
        "required": ["capture", "id"],
        "properties": {
            "capture": {"type": "string", "description": "The quantity, e.g. vibration or vibration.bearing."},
            "id": _ID,
            "chunks": {
                "type": ["array", "null"],
                "maxItems": MAX_CHUNKS,
                "items": {"type": "integer", "minimum": 0, "maximum": MAX_CHUNKS - 1},
                "description": "These once more; none: all came, and the board may let the window go.",
            },
        },
    }


def capture() -> Schema:
    return {"$schema": DIALECT, **capture_body()}


def capture_body() -> Schema:
    """The same without its head. Whether the number of chunks fits that of samples is checked by ``captured`` alone."""
    names = "|".join(kind.name for kind in QUANTITIES)
    above_0: Schema = {"type": "number", "exclusiveMinimum": 0}
    head: Schema = {
        "title": "What a window is",
        "required": ["id", "capture", "boot", "seq", "ts", "sensor", "rate", "scale", "samples", "chunks", "crc"],
        "properties": {
            "id": _ID,
            "capture": {"type": "string", "pattern": f"^({names}){POINT}$"},
            "boot": _COUNT,
            "seq": {**_COUNT, "description": "With boot: the reading that was made of it."},
            "ts": _SECONDS,
            "quality": {"type": "array", "minItems": 1, "items": {"enum": [name for _bit, name in QUALITIES]}},
            "sensor": {"type": "string"},
            "rate": {**above_0, "exclusiveMaximum": 10**6, "description": "The samples' true one, in Hz."},
            "scale": {**above_0, "exclusiveMaximum": 1000, "description": "g of one step."},
            "samples": {"type": "integer", "minimum": 1, "maximum": MAX_SAMPLES},
            "chunks": {**_COUNT, "description": f"Of {CHUNK} bytes, the last of what is left."},
            "crc": {**_CRC, "description": "CRC-32 (ITU-T V.42) of all samples' bytes."},
        },
    }
    chunk: Schema = {
        "title": "Some of its samples",
        "required": ["id", "chunk", "crc", "data"],
        "properties": {
            "id": _ID,
            "chunk": {**_COUNT, "maximum": chunks_of(MAX_SAMPLES) - 1, "description": "Its number, from 0 on."},
            "crc": _CRC,
            "data": {
                "type": "string",
                "maxLength": 2 * CHUNK,
                "contentEncoding": "base64",
                "description": "Signed samples of 16 bits, little-endian.",
            },
        },
    }
    refusal: Schema = {
        "title": "Why there is none",
        "required": ["id", "refused"],
        "properties": {"id": _ID, "refused": {"type": "string"}},
    }
    return {
        "title": "A raw window on its way",
        "description": f"The payload on SITE/FLOOR/MACHINE/{CAPTURE}, at QoS 1 and not retained.",
        "type": "object",
        "if": {"required": ["refused"]},
        "then": refusal,
        "else": {"if": {"required": ["chunk"]}, "then": chunk, "else": head},
    }
