"""A flash that is full at times, by the script's ``"flash_full": [[from_s, until_s], ...]``: what would write raises ENOSPC."""

import builtins

import simulation

_open = builtins.open
_ENOSPC = 28


def _is_full():
    now = simulation.uptime_us() / 1000000
    return any(begin <= now < end for begin, end in simulation.script["flash_full"])


def _open_unless_full(path, mode="r", *more, **named):
    if mode[0] != "r" and _is_full():
        raise OSError(_ENOSPC)
    return _open(path, mode, *more, **named)


builtins.open = _open_unless_full
