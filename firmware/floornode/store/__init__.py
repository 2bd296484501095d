"""Readings on flash: what waits there outlives an outage of days and a power cut at any instant.

- ``codec``: records as compact, checksummed blocks, and back.
- ``log``: blocks in segments, files of a bounded folder; the only room that writes them.
- ``backlog``: the queue of what is in the log: what comes next, what is done with, what had to be given up.
"""

# What opens the store, each after those that it imports: loaded at once they would hold up a turn of the loop.
STEPS = ("codec", "log", "reader", "backlog", "spill")
