"""The name umqtt.simple 1.3.4 knows `socket` by."""

from socket import *  # noqa: F403
