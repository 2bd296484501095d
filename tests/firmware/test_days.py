"""Days of a board's life under MicroPython; tests/days has them by the hundred."""

import os

import day

MICROPYTHON_ONLY = "tests/days lives them under CPython"
# FLOORSENSE_DAYS: how many. `make soak` asks for a hundred.
DAYS = int(getattr(os, "getenv", lambda _name: None)("FLOORSENSE_DAYS") or 2)


def test_T12_T28_T36_no_day_breaks_a_promise():
    for seed in range(1000, 1000 + DAYS):
        day.clear()
        print(day.live(seed).report())
