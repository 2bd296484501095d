"""Days of a station's life with faults, on a scripted machine, and what its heap does meanwhile.

Each hour begins quietly; then come, each at its own times: the broker away, its silence, cut connections, a dead sensor, and a
time server that is away, or an hour off.
"""

import gc

from fake_port import UNIX_MS, FakePort, config, until
from floornode.station import Station
from time_server import answer

MINUTE = 60000
HOUR = 60 * MINUTE


class TimeServer:
    """A socket to a server that is away in one hour of five, and an hour ahead in one of eleven."""

    def __init__(self, port):
        self._port = port
        self._question = None

    def send(self, data):
        self._question = bytes(data)

    def receive(self):
        hour = self._port.ms // HOUR
        if self._question is None or hour % 5 == 4:
            return None
        question = self._question
        self._question = None
        return answer(question, UNIX_MS + self._port.ms + (HOUR if hour % 11 == 10 else 0))

    def close(self):
        pass


class Week:
    """``heap``: bytes that were held at the beginning of each hour, while nothing was under way."""

    def __init__(self, hours):
        # Made whole at once, so that it does not grow itself.
        self.heap = [0] * hours
        self.readings = 0
        self._end = until(hours * HOUR)
        self._hour = 0
        self.port = port = FakePort(self._turned)
        port.server = TimeServer
        port.network.taken = self._count
        settings = config(
            sensors=[{"driver": "bme280", "bus": "i2c0", "period_ms": 10000}],
            time={"interval_s": 256},
            outbox={"capacity": 200, "durability": "ram"},
        )
        self.station = Station(port, settings, 7, "power-on")

    def live(self):
        self.station.run()
        return self

    def growth(self, settled):
        """Bytes by which the most that was held in the last hours is above the most of hour ``settled`` and the one after."""
        return max(self.heap[-2:]) - max(self.heap[settled : settled + 2])

    def _count(self, topic, _payload):
        if topic.endswith(b"temperature"):
            self.readings += 1

    def _turned(self, port):
        hour = port.ms // HOUR
        minute = port.ms // MINUTE % 60
        network = port.network
        network.is_there = not (hour % 3 == 1 and 10 <= minute < 35)
        network.is_silent = hour % 4 == 2 and 15 <= minute < 19
        if (not network.is_there or (10 <= minute < 50 and minute % 7 == 0)) and port.ms % MINUTE < 1000:
            network.cut()
        port.bus.is_cut = hour % 2 == 1 and 40 <= minute < 48
        # Five minutes past the hour all that was late has been delivered.
        if hour >= self._hour and minute >= 5 and self.station.session.state == "serve" and not len(self.station.outbox):
            self._hour = hour + 1
            gc.collect()
            gc.collect()
            self.heap[hour] = gc.mem_alloc()
        self._end(port)


def account(week):
    """What a week came to, in a line."""
    session, outbox = week.station.session, week.station.outbox
    return "%d hours, %d readings, %d connects, %d resent, %d dropped, heap %s" % (
        len(week.heap),
        week.readings,
        session.connects,
        session.resent,
        outbox.dropped(),
        " ".join([str(one) for one in week.heap]),
    )
