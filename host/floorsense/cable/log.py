"""What a board prints: lines with its uptime, the part that speaks, and what to do about it."""

import re
from dataclasses import dataclass

from floorsense.cable.meanings import Meaning, meaning

_LINE = re.compile(r"\[ *(\d+)\.(\d{3})\] (?:([a-z][\w@.-]*): )?(.*)")
_BARE = re.compile(r"(settings|simulation\.json|trial|crash|store|health|safe mode): (.*)")


@dataclass(frozen=True)
class LogLine:
    """``uptime_ms`` is None for a line without a time; ``part`` is empty where none is named."""

    text: str
    uptime_ms: int | None
    part: str
    said: str

    @property
    def meaning(self) -> Meaning | None:
        """What it means and what to do, for lines that are known."""
        return meaning(f"{self.part}: {self.said}" if self.part else self.said)

    @property
    def trouble(self) -> str | None:
        """The same, where something is wrong."""
        found = self.meaning
        return found.text if found and found.is_trouble else None


def parse(raw: bytes) -> LogLine:
    """One line as it came, its end taken off. Bytes that are no text are shown as such."""
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in _decoded(raw)).rstrip()
    if found := _LINE.fullmatch(text):
        return LogLine(text, int(found[1]) * 1000 + int(found[2]), found[3] or "", found[4])
    if found := _BARE.fullmatch(text):
        return LogLine(text, None, found[1], found[2])
    return LogLine(text, None, "", text)


def _decoded(raw: bytes) -> str:
    return raw.replace(b"\t", b"    ").strip(b"\r\n").decode(errors="backslashreplace")


class Lines:
    """Bytes in, whole lines out. ``flush`` gives what has no end yet."""

    _LONGEST = 4096

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[LogLine]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._LONGEST:
            whole, self._rest = [*whole, self._rest], b""
        return [parse(line) for line in whole if line.strip()]

    def flush(self) -> list[LogLine]:
        rest, self._rest = self._rest, b""
        return [parse(rest)] if rest.strip() else []
