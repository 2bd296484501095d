"""Dates beyond 31 bits of seconds, which a 32-bit board's own functions do not take (MicroPython 1.24's gmtime, for one)."""

# After so many years the calendar is the same, up to 2100.
_YEARS = 28
_SECONDS = 883612800


def fields(convert, seconds):
    """``(year, month, day, hour, minute, second, weekday)`` of ``seconds`` since the epoch of ``convert``: gmtime, say."""
    years = 0
    while seconds > 0x7FFFFFFF:
        seconds -= _SECONDS
        years += _YEARS
    year, month, day, hour, minute, second, weekday = convert(seconds)[:7]
    return year + years, month, day, hour, minute, second, weekday
