"""ISO 20816-3 zones: both groups, both supports, at each limit and just beside it."""

from expect import raises
from floornode.contract.zones import FLEXIBLE, RIGID, zone

# mm/s, as the standard prints them.
TABLE = (
    (1, RIGID, (2.3, 4.5, 7.1)),
    (1, FLEXIBLE, (3.5, 7.1, 11.0)),
    (2, RIGID, (1.4, 2.8, 4.5)),
    (2, FLEXIBLE, (2.3, 4.5, 7.1)),
)


def test_T52_each_limit_belongs_to_the_better_zone_and_the_next_step_to_the_worse():
    for group, support, limits in TABLE:
        for letter, worse, limit in zip("ABC", "BCD", limits):
            steps = int(limit * 1000 + 0.5)
            assert zone(steps - 1, group, support) == letter
            assert zone(steps, group, support) == letter
            assert zone(steps + 1, group, support) == worse


def test_T52_nothing_is_A_and_everything_beyond_is_D():
    for group, support, _limits in TABLE:
        assert zone(0, group, support) == "A"
        assert zone(1000000, group, support) == "D"


def test_T52_another_group_or_support_is_refused():
    for group, support in ((0, RIGID), (3, RIGID), (1, "soft"), (None, None)):
        raises(ValueError, zone, 1000, group, support, text="groups 1 and 2")
