"""Run by MicroPython: a board without a broker for HOURS, on LittleFS with an RP2040's geometry; then one to drain to.

``store_board.py HOURS GATHER_S [HOST PORT SECONDS]``: prints a line of what it cost the flash, and one of how it drained in
SECONDS at most, beside live readings of three quantities five times a second.
"""

import gc
import os
import sys
import time

from flash_image import Flash
from floornode.clock import Clock
from floornode.contract.reading import CLOCK_NOT_SET, Reading
from floornode.outbox import Outbox
from floornode.ports.micropython import Port
from stored import FLASH, NAMES, UNIX_MS, Life, Wanted

# A Pico W's file system.
BLOCKS = 212
LIVE_MS = 200
_STATUS = b"factory/floor-2/machine-42/status"


class Words:
    topic = _STATUS

    def birth(self, _now):
        return b'{"status":"online","boot":2}'

    def last_word(self, _now):
        return b'{"status":"stopped","boot":2}'


def gather(hours, gather_s, flash):
    """The outage. Returns how many readings wait on flash then."""
    life = Life("store", gather_ms=gather_s * 1000)
    life.keeps = False
    erased = flash.erases
    began = time.ticks_ms()
    life.sample(360 * hours)
    took = time.ticks_diff(time.ticks_ms(), began)
    life.flush()
    size = life.bytes()
    count = life.read * len(NAMES) - life.outbox.dropped()
    wear = (flash.erases - erased) * 24 / hours
    years = BLOCKS * 100000 / wear / 365
    print(f"gather_s {gather_s:>3}: {size / count:.2f} bytes a reading, {size // 1024} KiB for {hours} h,", end=" ")
    print(f"{wear:.0f} erases a day ({BLOCKS} blocks of 100,000 last {years:.0f} years of outage),", end=" ")
    print(f"{count * 1000 // took} readings written a second")
    return count


def drain(host, address, seconds, waiting):
    """The broker is back."""
    from floornode.mqtt.backoff import Backoff
    from floornode.mqtt.client import Client
    from floornode.mqtt.inflight import Inflight
    from floornode.mqtt.session import Session
    from floornode.mqtt.stream import Stream
    from floornode.store import spill

    port = Port()
    now = port.ticks()
    clock = Clock(now)
    clock.set(UNIX_MS, now, "bench")
    series = Life("elsewhere").series
    outbox = Outbox(series, 2, 500, clock, lambda one: spill.open(one, "store", Wanted("outage", FLASH // 1024, False), print))
    outbox.open()
    live = Live(outbox)
    client = Client(Stream(), b"drains", None, None, 60)
    client.set_last_will(_STATUS, b'{"status":"lost","boot":2}', True, 1)
    backoff = Backoff(2000, 60000, port.uniform)
    session = Session(
        client,
        Inflight(10),
        backoff,
        outbox,
        clock,
        port.link(None),
        lambda: port.dial(host, address),
        Words(),
        lambda _text: None,
    )
    while session.state != "serve":
        session.step(port.ticks())
    began = port.ticks()
    due = 0
    longest = 0
    while outbox.backlog.waiting or outbox.backlog.in_window:
        now = port.ticks()
        if now - began > seconds * 1000:
            break
        if now - began >= due:
            due += LIVE_MS
            for one in series:
                outbox.put(Reading(one.quantity, 2137, clock.up(now), CLOCK_NOT_SET))
            live.note(now)
        session.step(now)
        outbox.step(now, True, LIVE_MS)
        longest = max(longest, port.ticks() - now)
        wait = session.next(now)
        if wait:
            port.wait(min(wait, 20))
    took = (port.ticks() - began) / 1000
    drained = waiting - outbox.backlog.waiting
    print(f"drained {drained} of {waiting} readings in {took:.1f} s: {drained / took:.0f} a second,", end=" ")
    print(f"{drained / took / 0.3:.0f} times real time; live ones took {live.worst} ms at most; longest step {longest} ms")
    session.stop(port.ticks())
    while session.state != "stopped":
        session.step(port.ticks())
        port.wait(5)


class Live:
    """How long readings of now take to be let go, beside what is drained."""

    def __init__(self, outbox):
        self.worst = 0
        self._put = []
        self._outbox = outbox
        self._let_go = outbox.let_go
        outbox.let_go = self._noting

    def note(self, now):
        self._put += [now] * len(NAMES)

    def _noting(self, place, number):
        if place != 0xFFFFFFFF and self._put:
            self.worst = max(self.worst, time.ticks_diff(time.ticks_ms(), self._put.pop(0)))
        self._let_go(place, number)


def main():
    hours, gather_s = int(sys.argv[1]), int(sys.argv[2])
    # As main.py has it.
    gc.threshold(4096)
    flash = Flash(BLOCKS)
    flash.format()
    flash.mount("/flash")
    os.chdir("/flash")
    waiting = gather(hours, gather_s, flash)
    if len(sys.argv) > 3:
        drain(sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), waiting)


main()
