"""What is wrong, in a word that does not change (for health, status and scripts) and in words for a person.

On joining: ``wrong-password``, ``no-access-point``, ``no-address``, ``not-joined``. On dialling: ``no-name``, ``refused``,
``unreachable``, ``no-memory``. On securing: ``tls-untrusted``, ``tls-expired``, ``tls-not-yet-valid``, ``tls-name``,
``tls-client-certificate``, ``tls-files``, ``tls-failed``. On greeting: ``bad-credentials``, ``not-authorised``,
``client-id-refused``, ``version-refused``, ``unavailable``, ``not-mqtt``, ``silent``. While serving: ``dropped`` (by the broker
or on the way), ``silent``, ``broken`` (the broker sent what none may send). Whatever else: ``error``.
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
# What does not become right by itself.
STUBBORN = ("client-id-refused", "bad-credentials", "not-authorised")

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


class Trouble(OSError):
    """An OSError whose ``word`` is one of the above."""

    def __init__(self, word, text):
        super().__init__(errno.EIO, text)
        self.word = word


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
