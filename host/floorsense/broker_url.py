"""Where a broker is, as people write it: mqtt[s]://[USER@]HOST[:PORT], or ws[s]://[USER@]HOST[:PORT][/PATH]."""

import os
import sys
from dataclasses import dataclass
from getpass import getpass
from urllib.parse import unquote, urlsplit

from floorsense.errors import UsageError

PASSWORD_VARIABLE = "FLOORSENSE_BROKER_PASSWORD"
BROKER_HELP = "mqtt[s]://[USER@]HOST[:PORT] or ws[s]://...[/PATH]; mqtts and wss verify the certificate."
_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
# Where brokers take MQTT over WebSocket, Mosquitto and the clouds' alike.
_WEBSOCKET_PATH = "/mqtt"


@dataclass(frozen=True)
class BrokerUrl:
    host: str
    port: int
    tls: bool = False
    user: str | None = None
    # Over WebSocket, as firewalls let through that know of the web alone: the path to ask for.
    websocket: str | None = None

    @classmethod
    def parse(cls, text: str) -> "BrokerUrl":
        """Raises UsageError, which shows nothing of what was written: a password may be in any part of it."""
        scheme, _, rest = text.partition("://")
        if scheme.lower() not in _PORTS or not rest:
            raise UsageError("--broker: write mqtt://HOST:PORT, or mqtts://HOST:PORT for TLS; ws:// and wss:// go by WebSocket")
        if ":" in rest.rpartition("@")[0]:
            raise UsageError(
                f"--broker: a password there is seen by everybody on this machine; set {PASSWORD_VARIABLE} instead"
            )
        try:
            parts = urlsplit(text)
            port = parts.port
            host = parts.hostname
        except ValueError:
            raise UsageError("--broker: HOST:PORT cannot be read; a port is 1 to 65535, IPv6 is [ADDRESS]:PORT") from None
        if not host or any(char.isspace() or not char.isprintable() for char in host):
            raise UsageError("--broker: it names no host; write mqtt://HOST:PORT")
        if port == 0:
            raise UsageError("--broker: port 0 cannot be; a port is 1 to 65535")
        scheme = parts.scheme
        if scheme.startswith("ws"):
            path = (parts.path if parts.path not in ("", "/") else _WEBSOCKET_PATH) + (f"?{parts.query}" if parts.query else "")
            if parts.fragment or not path.isascii() or not path.isprintable() or " " in path:
                raise UsageError(
                    "--broker: the path of a WebSocket is printable ASCII, without '#'; it is /mqtt at most brokers"
                )
        elif parts.path not in ("", "/") or parts.query or parts.fragment:
            raise UsageError("--broker: there is something behind HOST:PORT; topics are chosen with --topic")
        user = unquote(parts.username) if parts.username else None
        websocket = path if scheme.startswith("ws") else None
        return cls(host, _PORTS[scheme] if port is None else port, scheme in ("mqtts", "wss"), user, websocket)

    def password(self) -> str | None:
        """The user's password: from the environment, else asked for where somebody can answer. Raises UsageError."""
        if self.user is None:
            return None
        if (known := os.environ.get(PASSWORD_VARIABLE)) is not None:
            return known
        if sys.stdin.isatty():
            return getpass(f"password of {self.user} at {self.host}: ")
        raise UsageError(f"--broker: {self.user} at {self.host} needs a password: set {PASSWORD_VARIABLE}")

    def pair(self) -> tuple[str, str] | None:
        """Files with a certificate of ours and its key, both PEM, where the broker asks for one."""
        return None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
