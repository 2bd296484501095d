"""Packets of 128 bytes and more, of which a broker sends a board few: a command, the storage's word. Loaded with the first."""

_EPROTO = 71
# MQTT 3.1.1, section 2.2.3: a remaining length has at most four bytes.
_MAX_LENGTH_BYTES = 4


def measure(rx, at, have):
    """The size of the packet at ``at`` of ``rx``, of which ``have`` bytes are here; more than that where it is not known yet.

    OSError for a length that is none.
    """
    length = rx[at + 1] & 0x7F
    for i in range(1, _MAX_LENGTH_BYTES):
        if have < 2 + i:
            return have + 1
        byte = rx[at + 1 + i]
        length |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return 2 + i + length
    raise OSError(_EPROTO, "broken packet length")


def identify(rx):
    """``(first byte, packet id)`` of the packet that fills ``rx``; no id where it has none, or one that is not here yet."""
    first = rx[0]
    if first & 0xF6 not in (0x32, 0x34):
        return first, None
    at = 1
    while rx[at] > 0x7F:
        at += 1
    at += 3 + (rx[at + 1] << 8 | rx[at + 2])
    return first, rx[at] << 8 | rx[at + 1] if at + 2 <= len(rx) else None
