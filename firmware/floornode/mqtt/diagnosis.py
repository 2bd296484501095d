"""What is wrong, from an error or a broker's refusal: ``trouble``'s word for it, and words for a person.

Loaded when something is wrong, and forgotten: a board that is served does without it.
"""

import errno

# CONNACK's return codes 1 to 5 (MQTT 3.1.1, table 3.1): word and text in turn.
_REFUSALS = (
    "version-refused",
    "protocol version refused",
    "client-id-refused",
    "client id refused",
    "unavailable",
    "broker unavailable",
    "bad-credentials",
    "bad user name or password",
    "not-authorised",
    "not authorised",
)
# Bare errors of the runtime: by name, for the numbers are not the same on all ports.
_BARE = (
    ("refused", "connection refused", "ECONNREFUSED"),
    ("dropped", "connection broken", "ECONNRESET ECONNABORTED ENOTCONN EPIPE"),
    ("unreachable", "no way to the broker", "ETIMEDOUT EHOSTUNREACH ENETUNREACH"),
    ("no-memory", "out of memory", "ENOMEM"),
    ("broken", "broken packet", "EPROTO"),
)
# MicroPython has no names for these.
_NAMELESS = {32: "EPIPE", 71: "EPROTO", 101: "ENETUNREACH"}


def tell(error):
    """``(word, text)`` of an OSError: our own carry their text, a bare number of the runtime's gets one."""
    code = error.args[0] if error.args else None
    word, text = "error", "error %s" % code
    name = errno.errorcode.get(code) or _NAMELESS.get(code)
    for known, usual, names in _BARE:
        if name in names.split():
            word, text = known, usual
    return getattr(error, "word", word), str(error.args[1]) if len(error.args) > 1 else text


def refusal(code):
    """``(word, text)`` of a CONNACK's return code other than 0."""
    at = 2 * code - 2
    return _REFUSALS[at : at + 2] if code <= 5 else ("unavailable", "refused with code %d" % code)
