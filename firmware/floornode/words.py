"""What a board says on its status topic: will, birth and last word."""

import os

from . import VERSION
from .contract import status


def will(station, _now):
    return status.will(station.outbox.boot)


def birth(station, now):
    outbox = station.outbox
    lossy = [one for one in outbox.series if one.dropped]
    if outbox.backlog is not None:
        outbox.backlog.tell()
    return status.birth(
        outbox.boot,
        _time(station, now),
        VERSION,
        station.settings.board,
        station.published,
        [(one.quantity.name, one.dropped) for one in lossy],
        [(one.quantity.name, one.dropped_from, one.dropped_to) for one in lossy],
        station.reset_cause,
        station.settings_are,
        station.is_safe,
        station.reason,
        _crash(),
        station.session.trouble,
    )


def last_word(station, now):
    return status.last_word(station.outbox.boot, _time(station, now))


def _time(station, now):
    clock = station.clock
    return clock.read(now) if clock.is_set else None


def _crash():
    """The last crash, or None. Hardly any board has one."""
    try:
        os.stat("crash.json")
    except OSError:
        return None
    from . import crash

    return crash.last()
