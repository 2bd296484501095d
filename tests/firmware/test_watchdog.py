"""The watchdog is fed by the liveness of every part."""

from floornode.watchdog import LIMIT_MS, Watchdog


class Machine:
    fed = 0
    is_stopped = False

    def feed(self):
        self.fed += 1

    def stop(self):
        self.is_stopped = True


def started(parts=3):
    machine = Machine()
    watchdog = Watchdog(parts)
    watchdog.start(machine)
    return watchdog, machine


def test_T34_the_limit_is_one_that_an_rp2040_can_count():
    assert LIMIT_MS <= 8388


def test_T34_it_is_fed_when_every_part_got_through_a_step():
    watchdog, machine = started()
    for turn in range(5):
        for part in range(3):
            assert machine.fed == turn
            watchdog.report(part)
    assert machine.fed == 5


def test_T34_a_part_that_is_left_out_starves_it():
    for missing in range(3):
        watchdog, machine = started()
        for _ in range(100):
            for part in range(3):
                if part != missing:
                    watchdog.report(part)
        assert not machine.fed


def test_T34_a_part_that_reports_twice_does_not_stand_in_for_another():
    watchdog, machine = started(2)
    for _ in range(10):
        watchdog.report(0)
    assert not machine.fed


def test_before_the_start_and_after_the_stop_nothing_is_fed():
    watchdog = Watchdog(1)
    watchdog.report(0)
    watchdog.stop()
    machine = Machine()
    watchdog.start(machine)
    watchdog.stop()
    watchdog.report(0)
    assert machine.is_stopped and not machine.fed
