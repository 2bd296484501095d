"""How many readings a second `floorsense check` takes on one core: python tests/bench/bench_checker.py [READINGS]

A flood from Mosquitto's own client, through a Mosquitto with default limits, into listener and checker. What counts is
CPU time of this process, so that the publisher's and the broker's share of the machine does not.
"""

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from floorsense.broker_url import BrokerUrl
from floorsense.check import Checker
from floorsense.listener import Listener

TOPIC = "factory/floor-2/machine-%d/temperature"
BOARDS = 8
QUIET_S = 5


def flood(port: int, board: int, qos: int, readings: int) -> subprocess.Popen:
    address = ["-h", "127.0.0.1", "-p", str(port), "-q", str(qos), "-t", TOPIC % board, "-l"]
    publisher = subprocess.Popen(["mosquitto_pub", *address], stdin=subprocess.PIPE)
    now = time.time()
    lines = "".join(
        f'{{"value":21.37,"unit":"C","ts":{now + seq / 1000:.3f},"boot":12,"seq":{seq}}}\n' for seq in range(readings)
    )
    threading.Thread(target=lambda: (publisher.stdin.write(lines.encode()), publisher.stdin.close()), daemon=True).start()
    return publisher


def measure(port: int, qos: int, readings: int) -> str:
    checker = Checker(from_start=True)
    with Listener(BrokerUrl("127.0.0.1", port), ["#"], checker.message):
        wall, cpu = time.monotonic(), time.process_time()
        publishers = [flood(port, board, qos, readings // BOARDS) for board in range(BOARDS)]
        heard, since = 0, wall
        # Until all came, or nothing more does.
        while checker.received < readings and time.monotonic() < since + QUIET_S:
            time.sleep(0.02)
            if checker.received > heard:
                heard, since = checker.received, time.monotonic()
        wall, cpu = since - wall, time.process_time() - cpu
        for one in publishers:
            one.wait(30)
    report = checker.finish(time.time() * 1000)
    return (
        f"QoS {qos}: {report.received} of {readings} readings, {report.lost} lost, {report.received / wall:.0f} a second here, "
        f"{report.received / cpu:.0f} a second of one core's time"
    )


def main() -> None:
    readings = int(sys.argv[1]) if len(sys.argv) > 1 else 40000
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        configuration = Path(folder, "mosquitto.conf")
        configuration.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nlog_type none\n")
        broker = subprocess.Popen([shutil.which("mosquitto") or "/usr/sbin/mosquitto", "-c", configuration])
        time.sleep(0.5)
        try:
            for qos in (0, 1, 2):
                print(measure(port, qos, readings), flush=True)
        finally:
            broker.terminate()
            broker.wait(5)


if __name__ == "__main__":
    main()
