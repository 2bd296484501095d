"""Run by MicroPython: readings through outbox and session to a broker, or bare umqtt.simple for comparison.

``speed_board.py HOST PORT WHAT COUNT``, WHAT one of ``ours-0``, ``ours-1``, ``ours-2``, ``bare-0``, ``bare-1``. Prints
messages a second, and of ours the heap that umqtt and floornode.mqtt hold with a full window, and by how much it grew.
"""

import gc
import sys
import time

from floornode.clock import Clock
from floornode.contract import status
from floornode.contract.quantities import quantity
from floornode.contract.reading import Reading
from floornode.outbox import Outbox
from floornode.ports.micropython import Port
from floornode.record import Series

# Every board has it already.
from floornode.startup import forget  # noqa: F401

TOPIC = b"factory/floor-2/machine-42/temperature"
TEXT = b'{"value":21.37,"unit":"C","ts":1706900000.125,"boot":7,"seq":123456}'
UNIX_MS = 1706900000125
WAITING = 40


class Words:
    topic = b"factory/floor-2/machine-42/status"

    def birth(self, _now):
        return b'{"status":"online","boot":7}'


def heap():
    gc.collect()
    return gc.mem_alloc()


def bare(host, port, qos, count):
    from umqtt.simple import MQTTClient

    client = MQTTClient("bare", host, port, keepalive=60)
    client.connect()
    began = time.ticks_us()
    for _ in range(count):
        client.publish(TOPIC, TEXT, False, qos)
    took = time.ticks_diff(time.ticks_us(), began)
    client.disconnect()
    print(count * 1000000 / took, 0, 0)


def ours(host, address, qos, count):
    port = Port()
    now = port.ticks()
    clock = Clock(now)
    clock.set(UNIX_MS, now, "bench")
    kind = quantity("temperature")
    outbox = Outbox([Series(0, TOPIC, kind, qos)], 7, 200, clock)
    before = heap()
    from floornode.mqtt.backoff import Backoff
    from floornode.mqtt.client import Client
    from floornode.mqtt.inflight import Inflight
    from floornode.mqtt.session import Session
    from floornode.mqtt.stream import Stream

    client = Client(Stream(), b"ours-%d" % qos, None, None, 60)
    client.set_last_will(Words.topic, status.will(7), True, 1)
    inflight = Inflight(10)
    said = []
    backoff = Backoff(2000, 60000, port.uniform)

    def dial():
        return port.dial(host, address)

    session = Session(client, inflight, backoff, outbox, clock, port.link(None), dial, Words(), said.append)
    while session.state != "serve" or len(inflight):
        session.step(port.ticks())
    began = time.ticks_us()
    put = held = first = 0
    while session.delivered < count:
        while put < count and len(outbox) < WAITING:
            outbox.put(Reading(kind, 2137, clock.up(now), 0))
            put += 1
        now = port.ticks()
        session.step(now)
        if not held and (len(inflight) == 10 or not qos):
            # Beside what is measured: the clock stands still meanwhile.
            paused = time.ticks_us()
            held = heap() - before
            began = time.ticks_add(began, time.ticks_diff(time.ticks_us(), paused))
        wait = session.next(now)
        if wait and session.delivered < count:
            port.wait(wait)
        if not first and session.delivered > count // 10:
            paused = time.ticks_us()
            first = heap()
            began = time.ticks_add(began, time.ticks_diff(time.ticks_us(), paused))
    took = time.ticks_diff(time.ticks_us(), began)
    grown = heap() - first
    session.stop(port.ticks())
    print(count * 1000000 / took, held, grown)


if __name__ == "__main__":
    who, qos = sys.argv[3].split("-")
    (ours if who == "ours" else bare)(sys.argv[1], int(sys.argv[2]), int(qos), int(sys.argv[4]))
