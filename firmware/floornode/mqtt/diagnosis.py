"""What is wrong, from an error: ``trouble``'s word for it, words for a person, and how long it is no use to try again.

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


# Credentials do not become right by themselves, nor does a broker that is another become ours. A date may, at any moment.
_STUBBORN = (
    "client-id-refused",
    "bad-credentials",
    "not-authorised",
    "tls-untrusted",
    "tls-name",
    "tls-client-certificate",
    "tls-files",
)
REFUSED_FLOOR = 30000
# The broker took us in and dropped us: rest at least this long, or two boards with one client id throw each other out
# several times a second.
DROPPED_FLOOR = 1000
# So many short sessions in a row smell of a second board with the same client id.
_SUSPECT = 3


def judge(session, error):
    """``(word, text, floor)`` of the OSError that ends what ``session`` was at; ``floor``: milliseconds to rest at least."""
    said = error.args[1] if len(error.args) > 1 else None
    word, text = _late(session, said) if getattr(error, "word", None) == "late" else tell(error)
    floor = REFUSED_FLOOR if word in _STUBBORN else 0
    if session.state == "serve":
        if word != "silent":
            floor = DROPPED_FLOOR
        if session.short >= _SUSPECT:
            text += " soon after connecting, %d times; has another board this client id?" % session.short
    return word, text, floor


def tell(error):
    """``(word, text)`` of an OSError: our own carry their text, or a number for it; a bare one of the runtime's gets one."""
    code = error.args[0] if error.args else None
    said = error.args[1] if len(error.args) > 1 else None
    own = getattr(error, "word", None)
    if own == "refusal":
        at = 2 * said - 2
        return _REFUSALS[at : at + 2] if said <= 5 else ("unavailable", "refused with code %d" % said)
    if own == "not-mqtt":
        return own, "no MQTT broker: it answered CONNECT with byte %#04x" % said
    word, text = "error", "error %s" % code
    name = errno.errorcode.get(code) or _NAMELESS.get(code)
    for known, usual, names in _BARE:
        if name in names.split():
            word, text = known, usual
    if isinstance(said, int):
        return word, "broken or unexpected packet %#x" % said
    return own or word, text if said is None else str(said)


def _late(session, pid):
    """What did not come in its time: while serving the acknowledgement of ``pid``, or any packet where that is None."""
    state = session.state
    limit_s = session.limit // 1000
    if state == "join":
        word, text = session.link.lacks()
        return word, "no network within %d s: %s" % (limit_s, text)
    if state == "dial":
        return "unreachable", "no connection within %d s" % limit_s
    if state == "serve":
        if pid is None:
            return "silent", "the broker fell silent"
        return "silent", "an acknowledgement did not come within half the keep-alive: of packet %d" % pid
    if session.client.stream.gathered:
        return "silent", "CONNECT did not get through within %d s" % limit_s
    return "silent", "no answer to CONNECT within %d s" % limit_s
