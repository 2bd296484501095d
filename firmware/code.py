"""A CircuitPython board's start: read the settings, then sample and publish until the power goes."""

from floornode import startup
from floornode.ports.circuitpython import Port

startup.run(Port())
