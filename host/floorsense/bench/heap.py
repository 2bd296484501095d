"""The heap of a simulated board's VM: that of the board it plays, or what the firmware needs of a 64-bit VM, if that is more.

On a VM of 32 bits, as boards have, it is the board's own. On one of 64 the firmware takes 1.4 times as much: what is needed was
measured by runs of the bench in ever smaller heaps (tests/bench/bench_heap.py): the least in which nothing fails, and a
twentieth more.
"""

from collections.abc import Set
from typing import Any

# What a board may have to do besides reading a BME280 and publishing it: to read a DS18B20 too; to outlast an outage, for
# which it loads its store; to wait for the storage, for which it loads an audit as well, and all of it at the start; to speak
# TLS (mbedtls's own is not in this heap).
PROBE = "probe"
OUTLAST = "outlast"
CONFIRM = "confirm"
TLS = "tls"
_RUN = "run"
# In KB, by whether the firmware is .mpy or has to be compiled. The least was 134, and in all 148 with a DS18B20, 156 to outlast
# an outage, 182 to wait for the storage; from .py 160, 172, 214, 236. With TLS it was 12 more, from .py 29. With the store it
# has more than 1260 names there, and MicroPython's table of them, which doubles then, takes 13 KB at once.
_NEEDS: dict[bool, dict[str, int]] = {
    True: {_RUN: 142, PROBE: 20, OUTLAST: 26, CONFIRM: 26, TLS: 16},
    False: {_RUN: 170, PROBE: 30, OUTLAST: 56, CONFIRM: 24, TLS: 32},
}
# The models of machine, network and chips, where they are in the same heap: they hold 38 KB, leave another 15 behind between
# two collections, and their 203 names make the table of names double. And what a board with such chips needs more of a 64-bit
# VM: two drivers, and a window of samples with its arithmetic.
NEAR_BYTES = 120 * 1024


def is_apart(simulation: dict[str, Any]) -> bool:
    """Whether a board with this simulation.json has its hardware in another process. What is on SPI is asked thousands of times
    a second, and so is where no answer has to be waited for."""
    return not simulation.get("spi")


def wide_bytes(own_bytes: int, compiled: bool, tasks: Set[str]) -> int:
    """The heap of a 64-bit VM that plays a board with ``own_bytes``, its hardware elsewhere."""
    needs = _NEEDS[compiled]
    return max(own_bytes, 1024 * (needs[_RUN] + sum(needs[task] for task in tasks)))
