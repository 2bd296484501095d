"""Boot and seq: against a model that simply remembers everything, and within bounded memory."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floorsense.check.numbering import LATE, MAX_EARLIER, MAX_HOLES, NEW, REPEATED, Numbering


class Model:
    """Remembers every identity. Numbers before the first one heard of the first boot are not missed."""

    def __init__(self) -> None:
        self.seen: dict[int, set[int]] = {}
        self.first: tuple[int, int] | None = None

    def take(self, boot: int, seq: int) -> str:
        self.first = self.first or (boot, seq)
        known = self.seen.setdefault(boot, set())
        again, newest = seq in known, max(self.seen) == boot and seq > max(known, default=-1)
        known.add(seq)
        return REPEATED if again else NEW if newest else LATE

    def lost(self) -> int:
        return sum(len(set(range(self.base(boot), max(known))) - known) for boot, known in self.seen.items())

    def base(self, boot: int) -> int:
        if boot == self.first[0]:
            return self.first[1]
        # A boot of which nothing was known when a later one had begun: it is known from its first word on.
        return 0 if boot > self.first[0] else max(self.seen[boot])


@given(st.lists(st.tuples(st.integers(3, 5), st.integers(0, 12)), min_size=1, max_size=80))
def test_T56_it_tells_what_a_model_with_unbounded_memory_tells(identities: list[tuple[int, int]]) -> None:
    numbering, model = Numbering(), Model()
    skipped: set[int] = set()
    for boot, seq in identities:
        # A boot that first appears after a later one is only ever late, and what it lacks cannot be known.
        if boot not in model.seen and model.seen and boot < max(model.seen):
            skipped.add(boot)
        if boot in skipped:
            assert numbering.take(boot, seq) is LATE
            continue
        below = boot == (model.first or (boot, seq))[0] and seq < (model.first or (boot, seq))[1]
        assert numbering.take(boot, seq) is (LATE if below else model.take(boot, seq))
    assert numbering.lost == model.lost()


@pytest.mark.parametrize("seed", range(5))
def test_T56_random_loss_repeats_and_disorder_across_reboots_are_counted_exactly(seed: int) -> None:
    chance = random.Random(seed)
    sent = [(boot, seq) for boot in (7, 8, 9) for seq in range(400)]
    kept = [one for one in sent if one[1] in (0, 399) or chance.random() > 0.1]
    repeats = chance.sample(kept, 50)
    numbering = Numbering()
    verdicts = [numbering.take(*one) for one in kept] + [numbering.take(*one) for one in repeats]
    assert numbering.lost == len(sent) - len(kept)
    assert verdicts.count(REPEATED) == 50
    late = [one for one in sent if one not in set(kept)]
    chance.shuffle(late)
    assert all(numbering.take(*one) is LATE for one in late)
    assert numbering.lost == 0


def test_T56_the_first_number_of_a_new_boot_is_0() -> None:
    numbering = Numbering()
    numbering.take(3, 100)
    numbering.take(4, 2)
    assert [(life.boot, life.lost) for life in numbering.lives()] == [(3, 0), (4, 2)]


def test_from_the_start_even_the_first_boot_begins_at_0() -> None:
    numbering = Numbering(from_start=True)
    numbering.take(3, 2)
    assert numbering.lost == 2


def test_what_was_sent_while_we_were_deaf_is_not_lost_and_late_when_it_comes() -> None:
    numbering = Numbering()
    numbering.take(3, 0)
    numbering.interrupt()
    assert numbering.take(3, 10) is NEW
    assert numbering.lost == 0
    assert numbering.take(3, 5) is LATE
    assert numbering.take(3, 5) is REPEATED
    numbering.take(3, 12)
    assert numbering.lost == 1


def test_a_boot_that_began_while_we_were_deaf_is_known_from_its_first_word() -> None:
    numbering = Numbering()
    numbering.take(3, 0)
    numbering.interrupt()
    numbering.take(4, 7)
    assert numbering.lost == 0


def test_holes_beyond_what_is_kept_are_counted_and_can_still_be_filled() -> None:
    numbering = Numbering()
    for seq in range(0, 10 * MAX_HOLES, 2):
        numbering.take(3, seq)
    (life,) = numbering.lives()
    assert len(life.holes) == MAX_HOLES
    assert numbering.lost == 5 * MAX_HOLES - 1
    assert numbering.take(3, 10 * MAX_HOLES - 3) is LATE
    assert numbering.lost == 5 * MAX_HOLES - 2


def test_a_hole_of_four_thousand_million_filled_here_and_there_stays_small() -> None:
    numbering = Numbering()
    numbering.take(3, 0)
    numbering.take(3, 0xFFFFFFFF)
    for seq in range(1, 6 * MAX_HOLES, 2):
        numbering.take(3, seq)
    assert len(numbering.lives()[0].holes) <= MAX_HOLES
    assert numbering.lost == 0xFFFFFFFF - 1 - 3 * MAX_HOLES


def test_boots_without_end_are_forgotten_but_not_what_they_lost() -> None:
    numbering = Numbering()
    for boot in range(500):
        numbering.take(boot, 0)
        numbering.take(boot, 2)
    assert len(numbering.lives()) == MAX_EARLIER + 1
    assert numbering.lost == 500
