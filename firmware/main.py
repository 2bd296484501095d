"""A board's start: read the settings, then sample and publish until the power goes."""

import gc

# Collecting early keeps the heap in one piece: compiling the modules below would scatter their leftovers over all of it.
gc.threshold(4096)

from floornode import startup  # noqa: E402
from floornode.ports.micropython import Port  # noqa: E402

startup.run(Port())
