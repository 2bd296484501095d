"""Run by MicroPython in as little heap as it takes: ``least.run(HOST, PORT, COUNT, WHAT)`` publishes readings at QoS 1.

WHAT: ``session``, with a queue that holds nothing but a count and a clock that was never set, or ``outbox``, with those of a
board. Prints ``full`` once the window was, and how many were acknowledged. Runs as .mpy, as all that a board is given.
"""

import gc
import select
import time

# Sooner than main.py: what it takes is asked, and not how fast.
gc.threshold(2048)
core = __import__("floornode.core", None, None, ("Session",))

TOPIC = b"factory/floor-2/machine-42/temperature"
WINDOW = 10
TICKS = 0x1FFFFFFF


class Board:
    """The status, the network and the clock of a session, in one object."""

    topic = b"factory/floor-2/machine-42/status"

    def birth(self, _now):
        return b'{"status":"online","boot":7}'

    def is_up(self):
        return True

    def up(self, now):
        return now


class Temperature:
    """A Quantity, a Series and a queue of COUNT readings of it."""

    unit = "C"
    decimals = 2
    topic = TOPIC
    qos = 1
    place = 0

    def __init__(self, count):
        self.series = (self,)
        self.left = count
        self.number = 0
        self.taken = core.Reading(self, 2137, 1706900000125, 0)
        self.taken.boot = 7

    def __len__(self):
        return self.left

    def take(self, _now):
        if not self.left:
            return None
        self.left -= 1
        self.number += 1
        self.taken.seq = self.number
        return self

    def let_go(self, place, number):
        pass


def log(text):
    if "no memory" in text:
        # It would be tried again and again.
        raise MemoryError(text)


def run(host, port, count, what):
    board = clock = Board()
    if what == "outbox":
        now = time.ticks_ms() & TICKS
        clock = core.Clock(now)
        clock.set(1706900000125, now, "bench")
        kind = core.quantity("temperature")
        outbox = core.Outbox([core.Series(0, TOPIC, kind, 1)], 7, 20, clock)
    else:
        outbox = Temperature(count)
    client = core.Client(core.Stream(), b"least", None, None, 60)
    client.set_last_will(board.topic, b'{"status":"offline","boot":7}', True, 1)
    session = core.Session(
        client,
        core.Inflight(WINDOW),
        core.Backoff(2000, 60000, lambda most: most),
        outbox,
        clock,
        board,
        lambda: core.Dial(select.poll(), host, port),
        board,
        log,
    )
    full = False
    while session.delivered < count:
        now = time.ticks_ms() & TICKS
        if what == "outbox":
            while len(outbox) < WINDOW:
                outbox.put(core.Reading(kind, 2137, clock.up(now), 0))
        session.step(now)
        if len(session.inflight) == WINDOW and not full:
            full = True
            gc.collect()
            print("full", gc.mem_alloc())
    print(session.delivered)
