"""A broker on this machine, for as long as it is needed."""

from floorsense.broker.local import LocalBroker

__all__ = ["LocalBroker"]
