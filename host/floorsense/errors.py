"""What can go wrong in a way the user can do something about. ``cli`` turns each into one line and an exit code."""


class FloorsenseError(Exception):
    """Something the user should know: the message is one line that says what is wrong, where, and what to do."""

    exit_code = 2


class UsageError(FloorsenseError):
    """Wrong usage or settings."""

    exit_code = 2


class BrokerError(FloorsenseError):
    """The broker cannot be reached, refused us, or is no MQTT broker."""

    exit_code = 3


class BoardError(FloorsenseError):
    """A board said no: the wrong chip, an image that is not for it, bytes in its flash that are not those written."""

    exit_code = 1


class BoardUnreachable(FloorsenseError):
    """No board answers there, or its port or drive cannot be opened."""

    exit_code = 3


class DeviceUnreachable(FloorsenseError):
    """A device under test does not connect."""

    exit_code = 3


class DatabaseError(FloorsenseError):
    """The database cannot be reached, or refused us."""

    exit_code = 3
