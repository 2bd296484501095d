"""A fleet that loses its broker: real sessions with a clock that goes from event to event, and seeded dice."""

import heapq
import random

import pytest

from floorsense.fleet import EASY_A_SECOND, first_window_ms
from scripted import CONNACK, Board

CPYTHON_ONLY = "it is the host that sizes a fleet, and a thousand sessions at once are no board's business"

REFUSED = 111


def dice(seed):
    """A board's own."""
    source = random.Random(seed)
    return lambda n: source.randint(0, n)


class Fleet:
    """``size`` boards at one broker. Times in ms."""

    def __init__(self, size, seed, window=None):
        self.now = 0
        window = window or first_window_ms(size)
        self.boards = [Board(first_window=window, uniform=dice(1000 * seed + i)) for i in range(size)]
        for one in self.boards:
            one.connect()
        # Long enough for a session that counts as one that lasted.
        self._advance(one.now + 60_000)

    def lose_broker(self, for_ms):
        """The broker is gone for a while. Returns when each board was back, in ms after the broker was."""
        for one in self.boards:
            one.network.dial_error = OSError(REFUSED, "refused")
            one.wire.is_ended = True
        end = self.now + for_ms
        self._advance(end)
        for one in self.boards:
            one.network.dial_error = None
        back = {}
        self._advance(end + 600_000, back)
        assert len(back) == len(self.boards), "some never came back"
        return sorted(at - end for at in back.values())

    def _advance(self, until, back=None):
        """Let each board step when it wants to, as its loop does."""
        due = [(self.now, i) for i in range(len(self.boards))]
        heapq.heapify(due)
        while due and due[0][0] <= until:
            at, i = heapq.heappop(due)
            one = self.boards[i]
            one.now = at
            one.step()
            if one.session.state == "greet":
                one.hear(CONNACK)
                if back is not None:
                    back[i] = at
            if back is not None and i in back:
                continue
            self._answer_ping(one)
            heapq.heappush(due, (at + max(1, one.session.next(at)), i))
        self.now = until

    def _answer_ping(self, one):
        for first, _body in one.wire.packets() if one.session.state == "serve" else ():
            if first == 0xC0:
                one.hear(b"\xd0\0")


def fullest_second(times):
    """The most that come within any 1,000 ms, wherever they begin."""
    most = first = 0
    for last, at in enumerate(times):
        while times[first] <= at - 1000:
            first += 1
        most = max(most, last - first + 1)
    return most


@pytest.mark.parametrize("outage_s", [1, 5, 30, 300])
def test_T09_of_1000_boards_after_a_broker_restart_no_second_holds_more_than_5_percent(outage_s):
    back = Fleet(1000, seed=outage_s).lose_broker(outage_s * 1000)
    assert fullest_second(back) <= 50


def test_T09_a_window_that_does_not_fit_the_fleet_fails_the_same_measure():
    assert fullest_second(Fleet(1000, seed=1, window=2000).lose_broker(1000)) > 200


def test_a_small_fleet_is_back_soon():
    assert max(Fleet(5, seed=3).lose_broker(500)) <= 3000 + 4000


def test_the_window_fits_the_fleet():
    assert [first_window_ms(n) for n in (1, 10, 100, 1000, 10000, 1000000)] == [2000, 2000, 6992, 69915, 47824, 40722]


def test_the_window_is_never_more_than_the_settings_allow():
    assert all(2000 <= first_window_ms(n) <= 600000 for n in range(1, 5000))


def test_a_fleet_below_a_broker_s_ease_is_allowed_what_any_broker_takes():
    assert fullest_second(Fleet(200, seed=2).lose_broker(30_000)) <= EASY_A_SECOND


def test_a_fleet_without_boards_is_refused():
    with pytest.raises(ValueError, match="no reconnects"):
        first_window_ms(0)
