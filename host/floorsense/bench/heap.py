"""The heap of a simulated board's VM: that of the board it plays, and what no board would have in it.

A 64-bit VM takes up to twice what a board takes for the same objects. What is added for that, and for nothing else, was
measured by runs of the bench in ever smaller heaps: the least in which nothing fails, and a little.
"""

from typing import Any

# Runs, where nothing is done that loads more: a Pico W, also from .py, in 169 KB of its 190; an ESP32 in 140, of 110.
WIDE_BYTES = {"ESP32_GENERIC": 40 * 1024}
# The store, which an outage of some length loads (24 KB here), from .py with what compiling it needs: 223 KB in all, from .mpy
# 168. There MicroPython's table of names, which doubles at 1260 of them, takes 15 KB at once.
STORE_BYTES = 44 * 1024
# Waiting for the storage loads the audit at the start, beside the store: 245 KB from .py, 202 from .mpy.
END_TO_END_BYTES = 28 * 1024
# TLS, besides mbedtls's own, which is not in this heap: its module, a context, a connection.
TLS_BYTES = 32 * 1024
# The models of machine, network and chips, where they are in the same heap: they hold 38 KB, leave another 15 behind between
# two collections, and their 203 names make the table of names double.
NEAR_BYTES = 96 * 1024
# What is asked thousands of times a second, or bit by bit, is modelled where no answer has to be waited for.
_NEAR = ("spi", "onewire")


def is_apart(simulation: dict[str, Any]) -> bool:
    """Whether a board with this simulation.json has its hardware in another process: all of it is on I2C."""
    return not any(simulation.get(kind) for kind in _NEAR)
