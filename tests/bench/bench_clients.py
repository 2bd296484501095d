"""What today's clients lose on a faulty link, beside floornode: python tests/bench/bench_clients.py [SECONDS]

Each fault is a Mosquitto and a link of its own; umqtt.simple, umqtt.robust and a simulated board send the same 20 messages a
second at QoS 1 through it, side by side, in the real MicroPython. umqtt.simple is used as one would: what it raises is caught,
and the same reading is tried again on a new connection a second later.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from floorsense.bench.acts import Fault, Stage
from floorsense.bench.farm import Farm
from floorsense.bench.faults import KINDS
from floorsense.bench.link import Link
from floorsense.bench.plan import Plan, outlast, plan
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.paths import BUILD, LIB
from floorsense.toolchain.libraries import Library, ensure_libraries
from floorsense.toolchain.micropython import find_micropython

ROBUST = Library("micropython-umqtt.robust", "1.0", "22a1b8c8e1128281efb13b3020927d07e33c5b747869da2cd77d37983a9ea002", "umqtt")
SECONDS = 24.0
EACH_MS = 50
KEEPALIVE_S = 10
# From the last reading's time on a client gets so long to deliver it; then it hangs.
GRACE_S = 15
FAULTS = {
    "broker down 5 s": [Fault("broker-down", 5, 5)],
    "RST every 3 s": [Fault("reset", at, 0) for at in (3, 6, 9, 12)],
    "dead link, 8 s": [Fault("half-open", 5, 8)],
    "cut mid-packet": [Fault("truncate", at, 0) for at in (4, 8, 12)],
    "PUBACKs lost 3 s": [Fault("loss-of-acks", 5, 3)],
}
CLIENTS = ("umqtt.simple", "umqtt.robust")
OURS = "floornode"

DEVICE = """
import time
from {module} import MQTTClient

client = MQTTClient("{name}", "127.0.0.1", {port}, keepalive={keepalive})
raised = longest = 0

def connect():
    global raised
    while True:
        try:
            client.connect(False)
            return
        except (OSError, IndexError, AssertionError):
            raised += 1
            time.sleep(1)

connect()
began = time.ticks_ms()
for seq in range({readings}):
    while time.ticks_diff(time.ticks_ms(), began) < seq * {each}:
        time.sleep_ms(2)
    since = time.ticks_ms()
    while True:
        try:
            client.publish("factory/floor-1/{name}/temperature", '{{"value":87.3,"unit":"C","boot":1,"seq":%d}}' % seq, qos=1)
            break
        except (OSError, IndexError, AssertionError):
            raised += 1
            time.sleep(1)
            connect()
    longest = max(longest, time.ticks_diff(time.ticks_ms(), since))
print("raised %d longest %d" % (raised, longest))
"""


@dataclass
class Series:
    """What came of one client: by topic its identities in the order of arrival, and when."""

    came: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    times: list[float] = field(default_factory=list)

    def take(self, topic: str, seq: int) -> None:
        if seq not in self.came[topic]:
            self.times.append(time.monotonic())
        self.came[topic].append(seq)

    def counts(self) -> tuple[int, int, int, int]:
        """Different ones, the gaps below the highest, repetitions, and first arrivals after a later one."""
        different = gaps = repeated = late = 0
        for found in self.came.values():
            firsts = list(dict.fromkeys(found))
            different += len(firsts)
            gaps += max(firsts) + 1 - len(firsts)
            repeated += len(found) - len(firsts)
            late += sum(one < max(firsts[:i], default=-1) for i, one in enumerate(firsts))
        return different, gaps, repeated, late

    def back_after_s(self, ends: list[float]) -> float | None:
        """From the end of a fault to the next new message, at worst; None where none came."""
        found = [next((at - end for at in self.times if at > end), None) for end in ends]
        return None if None in found else max(found)


class Trial:
    """One fault, and three clients that live with it."""

    def __init__(self, title: str, seconds: float, path: str) -> None:
        self._title = title
        self._seconds = seconds
        self._path = path
        self._series: dict[str, Series] = defaultdict(Series)
        self._ends: list[float] = []

    def run(self) -> list[str]:
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalBroker(keeps_sessions=True) as broker,
            Link((broker.url.host, broker.url.port)) as link,
            Listener(broker.url, ["factory/#"], self._hear, reconnect_s=(0.05, 0.2)) as listener,
            Farm(board(link.address), Path(folder)) as farm,
        ):
            devices = {name: self._start(name, link.address[1]) for name in CLIENTS}
            farm.start(threading.Event())
            time.sleep(1)
            stage = Stage(farm, link, broker, listener)
            self._suffer(stage)
            limit = time.monotonic() + GRACE_S
            farm.stop()
            account = farm.boards[0].tail()[-1]
            said = {name: finish(one, limit) for name, one in devices.items()}
            time.sleep(0.5)
        rows = [self._row(name, said[name]) for name in CLIENTS]
        found = re.search(r"longest step (\d+) ms, \d+ delivered, (\d+) left", account)
        rows.append(self._row(OURS, (0, int(found[1]), int(found[2])) if found else None))
        return rows

    def _suffer(self, stage: Stage) -> None:
        began = time.monotonic()
        for fault in FAULTS[self._title]:
            time.sleep(max(0.0, began + fault.at_s - time.monotonic()))
            KINDS[fault.kind].begin(stage, fault)
            time.sleep(fault.for_s)
            KINDS[fault.kind].end(stage, fault)
            self._ends.append(time.monotonic())
        time.sleep(max(0.0, began + self._seconds - 1 - time.monotonic()))

    def _start(self, name: str, port: int) -> subprocess.Popen[str]:
        text = DEVICE.format(
            module=name, name=machine(name), port=port, keepalive=KEEPALIVE_S, each=EACH_MS, readings=self._readings
        )
        command = [str(find_micropython()), "-c", text]
        environment = {"MICROPYPATH": self._path}
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)

    @property
    def _readings(self) -> int:
        return int(self._seconds * 1000 / EACH_MS)

    def _hear(self, topic: str, data: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        fields = json.loads(data)
        if "seq" in fields:
            self._series[topic.split("/")[2]].take(topic, fields["seq"])

    def _row(self, name: str, end: tuple[int, int, int] | None) -> str:
        """``end``: what it raised, its longest step in ms, what it left behind; None where it hangs."""
        series = self._series[machine(name)]
        different, gaps, repeated, late = series.counts()
        lost = gaps if name == OURS else self._readings - different
        back = series.back_after_s(self._ends)
        cells = [self._title, name, different, lost, repeated, late, end[0] if end else "hangs"]
        cells += ["never" if back is None else f"{back:.1f}", end[1] if end else "for ever"]
        return "| " + " | ".join(map(str, cells)) + " |"


def machine(client: str) -> str:
    """Under which name it publishes."""
    return "machine-2" if client == OURS else client.replace(".", "-")


def board(address: tuple[str, int]) -> Plan:
    """A Pico W whose three quantities make 20 messages a second."""
    more = {"keepalive": KEEPALIVE_S, "first_window_ms": 500, "last_window_ms": 700}
    whole = plan(2, {"temperature": 1, "pressure": 1, "humidity": 1}, address, {}, more)
    one = whole.boards[1]
    sensors = [{**sensor, "period_ms": 3 * EACH_MS} for sensor in one.settings["sensors"]]
    return Plan([replace(outlast(one), settings={**one.settings, "sensors": sensors})], whole.recordings, [])


def finish(device: "subprocess.Popen[str]", limit: float) -> tuple[int, int, int] | None:
    """What a client says at its end; None for one that has to be killed."""
    try:
        said, _ = device.communicate(timeout=max(0.1, limit - time.monotonic()))
    except subprocess.TimeoutExpired:
        device.kill()
        device.communicate()
        return None
    found = re.search(r"raised (\d+) longest (\d+)", said)
    if found is None:
        sys.exit(f"a client ended without its account: {said}")
    return int(found[1]), int(found[2]), 0


def library(folder: Path) -> str:
    """A folder with both of umqtt's modules in one package, as `mip install umqtt.robust` makes it."""
    ensure_libraries()
    ensure_libraries(BUILD / "bench", (ROBUST,))
    (folder / "umqtt").mkdir()
    shutil.copy(LIB / "umqtt" / "simple.py", folder / "umqtt")
    shutil.copy(BUILD / "bench" / "umqtt" / "robust.py", folder / "umqtt")
    return f"{folder}:.frozen"


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    print("| fault | client | received | lost | repeated | out of order | raised | back after, s | longest step, ms |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(len(FAULTS)) as pool:
        path = library(Path(folder))
        for rows in pool.map(lambda title: Trial(title, seconds, path).run(), FAULTS):
            print("\n".join(rows), flush=True)


if __name__ == "__main__":
    main()
