"""What a board prints: lines with its uptime, the part that speaks, and what to do about it."""

import re
from dataclasses import dataclass

_LINE = re.compile(r"\[ *(\d+)\.(\d{3})\] (?:([a-z][\w@.-]*): )?(.*)")
_BARE = re.compile(r"(settings|simulation\.json|trial|health|safe mode): (.*)")

# What a line says, and what it means; the first that fits counts. README.md has the same for people.
_MEANINGS = (
    (
        r"dial: .* refused the connection",
        "the machine is there, no broker listens on that port: start it, or correct broker.port",
    ),
    (r"dial: no such name: .*\.local", "names in .local do not work on every board: use an address"),
    (r"dial: no such name", "the board's DNS does not know the name: use an address, or correct broker.host"),
    (r"dial: no connection within", "nothing answers at that address: wrong network, or a firewall that swallows"),
    (r"greet: bad user name or password", "the broker does not take these credentials: see broker.user and its password"),
    (r"greet: not authori[sz]ed", "the broker knows no such board: `floorsense broker add`"),
    (r"greet: no MQTT broker", "something else listens there"),
    (r"greet: no answer to CONNECT", "a TLS port spoken to without TLS looks like this"),
    (r"greet: CONNECT did not get through", "that port takes nothing, or does not speak TLS: is broker.port right?"),
    (r"not by the CA", "another broker than the board was provisioned for, or its CA was made anew: provision the board"),
    (r"certificate that was shown is not for", "give broker.host one of the names that the broker's certificate has"),
    (r"certificate .* has expired", "renew the broker's certificate; or the board's clock is ahead"),
    (r"certificate .* is not valid yet", "the board's clock is behind: is its time server up?"),
    (r"refused this board's certificate", "`floorsense broker add --mutual-tls`, and provision the board again"),
    (r"does that port speak TLS", "no broker listens there by TLS: correct broker.port, or leave broker.tls out"),
    (r"wrong Wi-Fi password", "give the right one: FLOORSENSE_WIFI_PASSWORD, or wifi.password_file"),
    (r"no access point", "most boards hear 2.4 GHz only; correct wifi.ssid, or move the board"),
    (r"join: no (address|network)", "the access point gives no address: is its DHCP server up?"),
    (r"fell silent", "a dead link, found by the board itself; it dials again"),
    (r"^broker\.tls|broker\.tls\.\w+: .*provision", "a file of TLS is missing on the board or broken: provision it"),
    (
        r"(no answer|ENODEV|EIO|did not acknowledge|no device)",
        "the sensor does not answer: check its wiring, power and address",
    ),
    (r"^settings\.json: is not there", "provision the board"),
)


@dataclass(frozen=True)
class LogLine:
    """``uptime_ms`` is None for a line without a time; ``part`` is empty where none is named."""

    text: str
    uptime_ms: int | None
    part: str
    said: str

    @property
    def meaning(self) -> str | None:
        """What it means and what to do, for lines that are known."""
        return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, self.said)), None)


def parse(raw: bytes) -> LogLine:
    """One line as it came, its end taken off. Bytes that are no text are shown as such."""
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in _decoded(raw)).rstrip()
    if found := _LINE.fullmatch(text):
        return LogLine(text, int(found[1]) * 1000 + int(found[2]), found[3] or "", found[4])
    if found := _BARE.fullmatch(text):
        return LogLine(text, None, found[1], found[2])
    return LogLine(text, None, "", text)


def _decoded(raw: bytes) -> str:
    return raw.replace(b"\t", b"    ").strip(b"\r\n").decode(errors="backslashreplace")


class Lines:
    """Bytes in, whole lines out. ``flush`` gives what has no end yet."""

    _LONGEST = 4096

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[LogLine]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._LONGEST:
            whole, self._rest = [*whole, self._rest], b""
        return [parse(line) for line in whole if line.strip()]

    def flush(self) -> list[LogLine]:
        rest, self._rest = self._rest, b""
        return [parse(rest)] if rest.strip() else []
