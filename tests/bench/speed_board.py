"""Run by MicroPython: readings through outbox and session to a broker, or bare umqtt.simple for comparison.

``speed_board.py HOST PORT WHAT COUNT BUNDLE [ROMFS]``, WHAT one of ``ours-0``, ``ours-1``, ``ours-2``, ``bare-0``, ``bare-1``;
BUNDLE: the module into which ``floornode.mqtt`` was merged; ROMFS: the image whose code is run where it lies.

Prints messages a second by the wall's clock and by the processor's; and of ours the heap that umqtt and floornode.mqtt hold
with a full window, by how much it grew, and what ``qstr_info`` says before and after.
"""

import gc
import sys
import time

import micropython

if len(sys.argv) > 6:
    import vfs

    with open(sys.argv[6], "rb") as file:  # noqa: PTH123
        IMAGE = file.read()
    vfs.mount(vfs.VfsRom(IMAGE), "/rom")
    sys.path.insert(0, "/rom")

from floornode.contract import status

# A board has what it always needs in one module, and no other names for it: see floorsense.toolchain.bundle.
core = __import__("floornode.core", None, None, ("Clock",))

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
    began, busy = time.ticks_us(), time.clock()
    for _ in range(count):
        client.publish(TOPIC, TEXT, False, qos)
    took, busy = time.ticks_diff(time.ticks_us(), began), time.clock() - busy
    client.disconnect()
    print(count * 1000000 / took, count / max(busy, 0.001), 0, 0)


def ours(host, address, qos, count, bundle):
    port = core.Port()
    now = port.ticks()
    clock = core.Clock(now)
    clock.set(UNIX_MS, now, "bench")
    kind = core.quantity("temperature")
    outbox = core.Outbox([core.Series(0, TOPIC, kind, qos)], 7, 200, clock)
    micropython.qstr_info()
    before = heap()
    mqtt = __import__(bundle, None, None, ("Session",))
    client = mqtt.Client(mqtt.Stream(), b"ours-%d" % qos, None, None, 60)
    client.set_last_will(Words.topic, status.will(7), True, 1)
    inflight = mqtt.Inflight(10)
    said = []
    backoff = mqtt.Backoff(2000, 60000, port.uniform)

    def dial():
        return port.dial(host, address)

    session = mqtt.Session(client, inflight, backoff, outbox, clock, port.link(None), dial, Words(), said.append)
    while session.state != "serve" or len(inflight):
        session.step(port.ticks())
    began, busy = time.ticks_us(), time.clock()
    put = held = first = 0
    while session.delivered < count:
        while put < count and len(outbox) < WAITING:
            outbox.put(core.Reading(kind, 2137, clock.up(now), 0))
            put += 1
        now = port.ticks()
        session.step(now)
        if not held and (len(inflight) == 10 or not qos):
            # Beside what is measured: the clocks stand still meanwhile.
            paused, idle = time.ticks_us(), time.clock()
            held = heap() - before
            began = time.ticks_add(began, time.ticks_diff(time.ticks_us(), paused))
            busy += time.clock() - idle
        wait = session.next(now)
        if wait and session.delivered < count:
            port.wait(wait)
        if not first and session.delivered > count // 10:
            paused, idle = time.ticks_us(), time.clock()
            first = heap()
            began = time.ticks_add(began, time.ticks_diff(time.ticks_us(), paused))
            busy += time.clock() - idle
    took, busy = time.ticks_diff(time.ticks_us(), began), time.clock() - busy
    grown = heap() - first
    session.stop(port.ticks())
    micropython.qstr_info()
    print(count * 1000000 / took, count / max(busy, 0.001), held, grown)


if __name__ == "__main__":
    who, qos = sys.argv[3].split("-")
    if who == "ours":
        ours(sys.argv[1], int(sys.argv[2]), int(qos), int(sys.argv[4]), sys.argv[5])
    else:
        bare(sys.argv[1], int(sys.argv[2]), int(qos), int(sys.argv[4]))
