"""Spans of time as people write them: "90s", "15m", "1h 30m"; and the hours in which they sleep."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
LONGEST_MS = 366 * 86_400_000


def span_ms(text: str) -> int:
    """Milliseconds. Raises ValueError that says how to write one."""
    compact = text.replace(" ", "")
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is no span of time; write 90s, 15m or 1h 30m")
    total = int(sum(float(number) * _UNITS_MS[unit] for number, unit in parts) + 0.5)
    if total > LONGEST_MS:
        raise ValueError(f"{text!r} is more than a year")
    return total


@dataclass(frozen=True)
class QuietHours:
    """From ``start`` to before ``end`` (minutes of the day), each day, by the clocks of ``place``."""

    start: int
    end: int
    place: ZoneInfo

    @classmethod
    def parse(cls, text: str, place: str) -> "QuietHours":
        """Raises ValueError."""
        found = _HOURS.fullmatch(text.replace(" ", ""))
        if not found:
            raise ValueError(f"{text!r} are no hours; write 22:00-06:00")
        a, b, c, d = (int(one) for one in found.groups())
        if (a, b) == (c, d):
            raise ValueError(f"{text!r} is a whole day; leave the contact out of the rules instead")
        try:
            return cls(60 * a + b, 60 * c + d, ZoneInfo(place))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(f"{place!r} is no time zone; write Europe/Berlin, as the IANA names them") from error

    def end_of(self, now_ms: int) -> int | None:
        """When the quiet that ``now_ms`` lies in ends, in Unix ms; None outside of it."""
        here = datetime.fromtimestamp(now_ms / 1000, self.place)
        minute = 60 * here.hour + here.minute
        if self.start < self.end:
            if not self.start <= minute < self.end:
                return None
            days = 0
        else:
            if self.end <= minute < self.start:
                return None
            days = 1 if minute >= self.start else 0
        # By the wall clock: the night in which clocks are put forward is an hour shorter.
        end = datetime(here.year, here.month, here.day, self.end // 60, self.end % 60, tzinfo=self.place)
        end += timedelta(days=days)
        return int(end.astimezone(UTC).timestamp() * 1000)
