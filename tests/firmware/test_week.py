"""A share of T70: hours of faults, and no heap growth. The seven days are in `make soak`."""

from week import Week, account

MICROPYTHON_ONLY = "it measures MicroPython's heap"


def test_T70_hours_of_faults_do_not_make_the_heap_grow():
    week = Week(9).live()
    print(account(week))
    assert all(week.heap)
    assert week.station.session.connects > 30
    assert week.growth(5) <= 256, week.heap
    # All that was not given up has come.
    assert week.readings == week.station.outbox.series[0].seq - week.station.outbox.series[0].dropped
