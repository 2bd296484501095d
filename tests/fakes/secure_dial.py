"""Run by MicroPython in a board's folder: dials by TLS, and tells what that took.

`secure_dial.py PORT`: of `localhost`, by `ca.der`, without any date but what the board has.
"""

import gc
import sys
import time

from floornode.ports.micropython import Port
from floornode.section import Section

GREETING = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"


def held_by_c():
    """Bytes that the C library has of the system: mbedtls takes its own there on this port. Exact to a page where the
    environment has MALLOC_TOP_PAD_ and MALLOC_TRIM_THRESHOLD_ as 0."""
    with open("/proc/self/status") as told:
        for line in told:
            if line.startswith("VmData:"):
                return int(line.split()[1]) * 1024


def main():
    port = Port()
    files = Section()
    files.ca, files.cert, files.key = "ca.der", None, None
    # What is imported only once is no part of it.
    port.dial("localhost", int(sys.argv[1]), files).close()
    held_by_c()
    gc.collect()
    ours, theirs = gc.mem_alloc(), held_by_c()
    dialling = port.dial("localhost", int(sys.argv[1]), files)
    transport = None
    while transport is None:
        transport = dialling.poll()
    longest = most = steps = 0
    while True:
        began = time.ticks_us()
        taken = transport.write(GREETING)
        longest = max(longest, time.ticks_diff(time.ticks_us(), began))
        steps += 1
        most = max(most, held_by_c() - theirs)
        if taken:
            break
        time.sleep_ms(1)
    gc.collect()
    print(gc.mem_alloc() - ours, held_by_c() - theirs, most, longest, steps)


main()
