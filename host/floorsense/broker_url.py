"""Where a broker is, as people write it: mqtt[s]://[USER@]HOST[:PORT]."""

import os
import sys
from dataclasses import dataclass
from getpass import getpass
from urllib.parse import unquote, urlsplit

from floorsense.errors import UsageError

PASSWORD_VARIABLE = "FLOORSENSE_BROKER_PASSWORD"
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True)
class BrokerUrl:
    host: str
    port: int
    tls: bool = False
    user: str | None = None

    @classmethod
    def parse(cls, text: str) -> "BrokerUrl":
        """Raises UsageError, which never shows a password."""
        try:
            parts = urlsplit(text)
            port = parts.port
        except ValueError as error:
            raise UsageError(f"--broker: {error}; write mqtt://HOST:PORT") from None
        if parts.scheme not in _PORTS:
            raise UsageError("--broker: write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS")
        if parts.password is not None:
            raise UsageError(
                f"--broker: a password there is seen by everybody on this machine; set {PASSWORD_VARIABLE} instead"
            )
        if not parts.hostname or parts.path not in ("", "/") or parts.query:
            raise UsageError("--broker: write mqtt://HOST:PORT, with nothing behind the port")
        user = unquote(parts.username) if parts.username else None
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts", user)

    def password(self) -> str | None:
        """The user's password from the environment, else asked for where somebody can answer."""
        if self.user is None:
            return None
        if (known := os.environ.get(PASSWORD_VARIABLE)) is not None:
            return known
        if sys.stdin.isatty():
            return getpass(f"password of {self.user} at {self.host}: ")
        raise UsageError(f"{self.user} at {self.host} needs a password: set {PASSWORD_VARIABLE}")

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"
