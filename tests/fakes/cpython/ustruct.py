"""The name umqtt.simple 1.3.4 knows `struct` by."""

from struct import *  # noqa: F403
