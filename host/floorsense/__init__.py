"""floorsense: the command-line tool and services on the person's side of the broker."""

from floornode import VERSION as __version__

__all__ = ["__version__"]
