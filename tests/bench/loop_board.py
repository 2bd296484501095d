"""Run by MicroPython in a board's folder: its station for a while, each turn of the loop timed.

``loop_board.py SECONDS``. Prints how many turns there were, the median, the longest and the longest by processor time in ms,
how many took over 50 ms; then how many samples were due, how many were missed, and the median and the greatest lateness in ms;
then what the fault is seen by: the session's trouble and state, most bytes that the network did not take, and bytes on flash.
"""

import os
import sys
import time

from floornode import startup
from floornode.ports.micropython import Port
from floornode.ticks import ticks_diff

LIMIT_US = 50000


class Watched:
    """A station whose turns are timed, as ``Station.run`` takes them."""

    def __init__(self, station):
        self._station = station
        self._port = station.port
        self.took = []
        self.late = []
        self.most_processor = 0
        self.most_gathered = 0

    def run(self, seconds):
        station = self._station
        port = self._port
        end = time.ticks_add(time.ticks_ms(), seconds * 1000)
        due = station.sampler.due
        station.sampler.due = lambda now: self._note(due, now)
        is_settled = False
        while time.ticks_diff(end, time.ticks_ms()) > 0:
            before, busy = time.ticks_us(), time.clock()
            station.step(port.ticks())
            self.took.append(time.ticks_diff(time.ticks_us(), before))
            self.most_processor = max(self.most_processor, int((time.clock() - busy) * 1000000))
            self.most_gathered = max(self.most_gathered, station.session.client.stream.gathered)
            wait = station.next(port.ticks())
            if not is_settled:
                # As the station's own loop does after its first turn: collections come early, and leave room in one piece.
                is_settled = True
                port.settle()
            if wait > 0:
                port.wait(wait)

    def _note(self, due, now):
        for probe in self._station.sampler.probes:
            # Until the sensor is open it is the schedule that waits, not the sample.
            if probe.due_at is not None and probe.is_due(now):
                self.late.append(ticks_diff(now, probe.due_at))
        return due(now)

    def tell(self):
        took, late = sorted(self.took), sorted(self.late)
        missed = sum([probe.missed for probe in self._station.sampler.probes])
        slow = sum([one > LIMIT_US for one in took])
        figures = (len(took), took[len(took) // 2], took[-1], self.most_processor, slow)
        session = self._station.session
        stored = sum([os.stat("store/" + name)[6] for name in os.listdir("store")]) if "store" in os.listdir() else 0  # noqa: PTH116, PTH208
        seen = (self.most_gathered, stored, session.trouble, session.state)
        print("figures", *figures, len(late), missed, late[len(late) // 2], late[-1], *seen)


life = startup.Life(Port())
life.begin()
watched = Watched(life.station)
watched.run(int(sys.argv[1]))
watched.tell()
