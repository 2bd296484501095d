"""A station's life in print: every topic and payload, once with CPython's floats and once with a board's.

python single_life.py double|single UNIX_MS
"""

import sys

if sys.argv[1] == "single":
    from single import install

    install("floornode", "adafruit_bme280")

from fake_port import FakePort, config, until
from floornode.station import Station
from time_server import answer

# As much as 32 bits count, less what this life takes.
BOOT = 4294967290
SEQ = 4294966000


class Server:
    """A time server that answers from the tenth second on, and is an hour ahead after the fiftieth."""

    def __init__(self, port):
        self._port = port
        self._question = None

    def send(self, data):
        self._question = bytes(data)

    def receive(self):
        if self._question is None or self._port.ms < 10000:
            return None
        question, self._question = self._question, None
        return answer(question, int(sys.argv[2]) + self._port.ms + (3600000 if self._port.ms > 50000 else 0))

    def close(self):
        pass


def life():
    end = until(100000)

    def turned(port):
        port.server = Server
        # Away for a while, so that something is replayed.
        port.network.is_there = not 20000 < port.ms < 32000
        if port.ms // 1000 == 21:
            port.network.cut()
        end(port)

    # Late in the period of the ticks: they wrap in the middle of it.
    port = FakePort(turned, start=(1 << 29) - 45000, number=BOOT)
    settings = config(time={"interval_s": 16}, health={"interval_s": 20})
    station = Station(port, settings, BOOT, "power-on")
    for series in station.outbox.series:
        series.seq = SEQ
    station.run()
    for topic, payload in port.taken:
        print("SAID", topic.decode(), payload.decode())


life()
