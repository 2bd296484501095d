"""A calendar of any year, for machines whose own ends with 31 bits of seconds."""


def gmtime(seconds):
    """``(year, month, day, hour, minute, second, weekday, day of the year)`` of ``seconds`` since 1970, UTC; Monday is 0."""
    days, left = divmod(seconds, 86400)
    year = 1970
    while days < 0:
        year -= 1
        days += _length(year)
    while days >= _length(year):
        days -= _length(year)
        year += 1
    day = days
    month = 1
    while day >= (size := _month(year, month)):
        day -= size
        month += 1
    weekday = (seconds // 86400 + 3) % 7
    return year, month, day + 1, left // 3600, left // 60 % 60, left % 60, weekday, days + 1


def _length(year):
    return 365 + (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))


def _month(year, month):
    return _length(year) - 337 if month == 2 else 31 - (month in (4, 6, 9, 11))
