"""MQTT topic filters (MQTT 3.1.1, section 4.7): what is none, and what one matches."""


def fault_of_filter(topic: str) -> str | None:
    """Why ``topic`` is no topic filter, or None when it is."""
    if not topic or len(topic.encode(errors="replace")) > 65535 or "\0" in topic:
        return "a filter has 1 to 65535 bytes and no NUL"
    levels = topic.split("/")
    if "#" in "".join(levels[:-1]) or ("#" in levels[-1] and levels[-1] != "#"):
        return "'#' stands alone, as the last level: factory/#"
    if any("+" in level and level != "+" for level in levels):
        return "'+' stands for a whole level: factory/+/machine-42/#"
    return None


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter matches a topic. A filter that begins with a wildcard does not reach the broker's own ``$SYS``."""
    levels = topic.split("/")
    wanted = pattern.split("/")
    if topic.startswith("$") and wanted[0] in ("+", "#"):
        return False
    for i, level in enumerate(wanted):
        if level == "#":
            return True
        if i >= len(levels) or level not in ("+", levels[i]):
            return False
    return len(wanted) == len(levels)
