"""Topics: ``SITE/FLOOR/MACHINE/LEAF``, where the leaf is a quantity, ``status``, ``health``, the ingestion's ``mark``, or
``command`` and ``capture`` of whoever asks for a raw window."""

from .text import shown

STATUS = "status"
HEALTH = "health"
MARK = "mark"
COMMAND = "command"
CAPTURE = "capture"

# Four levels of 64 bytes stay far below MQTT's 65,535 and fit a board's buffers.
MAX_LEVEL = 64


def fault_of_level(level):
    """Why ``level`` cannot be one level of a topic, or None when it can (MQTT 3.1.1, sections 1.5.3 and 4.7)."""
    if not isinstance(level, str):
        return "must be text"
    if not level:
        return "must not be empty"
    for char in level:
        if char in "/+#":
            return "must not contain '%s', which has a meaning in MQTT topics" % char
        # Lone surrogates come out of JSON's escapes and are no UTF-8.
        if ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000:
            return "must not contain control characters"
    if len(level.encode()) > MAX_LEVEL:
        return "is longer than %d bytes" % MAX_LEVEL
    if level[0] == "$":
        return "must not begin with '$', which brokers keep for themselves"
    return None


def topic(site, floor, machine, leaf):
    """The topic of one leaf of a machine. Raises ValueError naming the level that cannot be one."""
    levels = (site, floor, machine, leaf)
    for name, level in zip(("site", "floor", "machine", "leaf"), levels):
        fault = fault_of_level(level)
        if fault:
            raise ValueError("%s %s %s" % (name, shown(level), fault))
    return "/".join(levels)


def split(topic):
    """``(site, floor, machine, leaf)`` of a topic. Raises ValueError for one that is not of the contract."""
    levels = topic.split("/")
    if len(levels) != 4:
        raise ValueError("topic %s: %d levels; SITE/FLOOR/MACHINE/QUANTITY has 4" % (shown(topic), len(levels)))
    for level in levels:
        fault = fault_of_level(level)
        if fault:
            raise ValueError("topic level %s %s" % (shown(level), fault))
    return tuple(levels)
