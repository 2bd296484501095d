"""How long the boards of a fleet spread their reconnects, so that a broker that comes back is not run over.

A board waits a uniform part of a window before it dials again, and the window doubles with each failure up to a cap
(``floornode.mqtt.backoff``). A short window brings one board back soon; a thousand boards need a long one:

- All boards lose the broker at the same moment. While their first window ``W`` runs, ``n / W`` of them dial each second.
- In a long outage each dials over and over, a uniform part of ``W`` apart: a renewal process with mean ``W / 2``. When the
  broker comes back, ``2 n / W`` find it in the first second, which is the worst of all cases; ``x`` below.
- Who comes in one second is a Poisson number with mean ``x``. It stays below ``x + 4 sqrt(x)`` in all seconds of an outage's
  end but for one end in some hundreds.

So ``W = 2 n / x`` with ``x + 4 sqrt(x) = limit``. The limit is a twentieth of the fleet, and 50 a second where that is more:
so many handshakes even a Raspberry Pi takes, TLS included. For 1,000 boards that is 70 s, for 100 it is 7 s, and a few
boards are back within 2 s.
"""

from math import sqrt

SHARE = 1 / 20
EASY_A_SECOND = 50
_SIGMAS = 4
# The settings' own limits for ``broker.first_window_ms``; 2 s is the firmware's default.
_LEAST_MS = 2000
_MOST_MS = 600_000


def first_window_ms(fleet_size: int) -> int:
    """``broker.first_window_ms`` for each board of a fleet that shares one broker, in ms, from 2,000 to 600,000.

    Raises ValueError for a fleet without boards.
    """
    if fleet_size < 1:
        raise ValueError(f"a fleet of {fleet_size} boards has no reconnects to spread")
    limit = max(EASY_A_SECOND, fleet_size * SHARE)
    root = (sqrt(_SIGMAS**2 + 4 * limit) - _SIGMAS) / 2
    wanted = 1000 * 2 * fleet_size / root**2
    return round(min(max(wanted, _LEAST_MS), _MOST_MS))
