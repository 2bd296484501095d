"""A board's start: read the settings, then sample and publish until the power goes."""

from floornode import station
from floornode.ports.micropython import Port

station.run(Port())
