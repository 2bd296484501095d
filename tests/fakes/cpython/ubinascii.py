"""The name umqtt.simple 1.3.4 knows `binascii` by."""

from binascii import *  # noqa: F403
