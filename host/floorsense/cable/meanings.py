"""What the lines of a board's log mean, and what to do about them; README.md and docs/provisioning.md have it for people."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """``text`` for a person; ``is_trouble`` where something is wrong that somebody should see to."""

    text: str
    is_trouble: bool


# Each pattern is searched in ``part: text``; the first that fits counts.
_NEWS = (
    (r"^session: connected", "the broker took it in"),
    (r"^session: stopped cleanly|^longest step", "it was stopped, and said goodbye"),
    (r"^floornode \S+: ", "it starts"),
    (r"^time: set by the server", "it knows what time it is"),
    (r"^settings: kept", "a broker was reached with them; should others fail, these serve"),
    (r"^sensor: .*: answers again", "its readings go on"),
    (r"^store: \d+ readings of before wait", "they are of an outage, and are sent first, in order"),
    (r"^store: leaves aside", "they stay on flash until the board is that machine again"),
    (r"^trial: this firmware is confirmed", "it got a reading to its broker, and stays"),
    (r"^trial: the firmware in .* more starts", "a new firmware must get a reading to its broker, or the one before is back"),
    (r"^safe mode: an hour", "it tries with its sensors again"),
    (
        r'^(Micro|Circuit)Python \S+ on |^Adafruit CircuitPython|^Type "help|^>>> ?$',
        "it is at its prompt, and nothing runs: `floorsense provision`, or its reset button",
    ),
    (r"^MPY: soft reboot", "it starts anew"),
)
_TROUBLES = (
    (r"refused the connection|connection refused", "no broker listens on that port there: start it, or correct broker.port"),
    (r"dial: no such name: .*\.local", "names in .local do not work on every board: use an address"),
    (r"dial: no such name", "the board's DNS does not know the name: use an address, or correct broker.host"),
    (r"time: no such name", "the board's DNS does not know the time server: correct time.server"),
    (r"no connection within|no way to the broker|no connection to", "nothing answers there: wrong network, or a firewall"),
    (r"bad user name or password", "the broker does not take these credentials: see broker.user and its password"),
    (r"not authori[sz]ed", "the broker knows no such board: `floorsense broker add`"),
    (r"client id refused", "the broker does not take this name: see broker.client_id"),
    (r"protocol version refused", "the broker does not speak MQTT 3.1.1"),
    (r"broker unavailable|refused with code", "the broker takes nobody in just now: see its log"),
    (
        r"no MQTT broker|broken (CONNACK|SUBACK|packet|message)|second CONNACK|unexpected packet|ends too soon|QoS 2 at once",
        "something else listens there, or a broker that is not sound",
    ),
    (
        r"greet: (no answer to CONNECT|connection broken|closed by the broker)",
        "a TLS port spoken to without TLS looks like this",
    ),
    (r"greet: CONNECT did not get through", "that port takes nothing, or does not speak TLS: is broker.port right?"),
    (r"not by the CA", "another broker than the board was provisioned for, or its CA was made anew: provision the board"),
    (r"was revoked|is too weak|cannot be verified", "the broker's certificate does not count: see what it was made with"),
    (r"certificate that was shown is not for", "give broker.host one of the names that the broker's certificate has"),
    (r"certificate .* has expired", "renew the broker's certificate; or the board's clock is ahead"),
    (r"certificate .* is not valid yet", "the board's clock is behind: is its time server up?"),
    (r"refused this board's certificate", "`floorsense broker add --mutual-tls`, and provision the board again"),
    (r"no TLS on CircuitPython", "leave broker.tls out, or flash MicroPython"),
    (r"speak TLS|TLS with .*:|TLS ended", "no broker listens there by TLS: correct broker.port, or leave broker.tls out"),
    (r"wrong Wi-Fi password", "give the right one: FLOORSENSE_WIFI_PASSWORD, or wifi.password_file"),
    (r"no access point", "most boards hear 2.4 GHz only; correct wifi.ssid, or move the board"),
    (r"gives no address", "the access point gives no address: is its DHCP server up?"),
    (r"no network within|joining .* failed|does not answer$", "too far from the access point, or it takes no more boards in"),
    (r"fell silent|an acknowledgement did not come", "a dead link, or a broker that hangs; the board dials again"),
    (
        r"closed by the broker|closed the connection|connection broken|not connected",
        "if again and again: two boards of one name",
    ),
    (r"no answer to the subscription", "the broker does not answer the board's wish to listen: see its log and its rules"),
    (r"refuses the subscription", "the broker's rules do not let the board listen there: `floorsense broker add`"),
    (r"too large, and was let go|a message on .* failed", "somebody sent the board what it cannot take"),
    (r"out of memory|no memory", "too little heap for what the settings ask: fewer sensors, a smaller outbox, or no TLS"),
    (r"broker\.tls\.\w+: .*provision", "a file of TLS is missing on the board or broken: provision it"),
    (r"^time: ", "no time yet: allow the board at the time server, or name another in time.server"),
    (r"^sensor: |ENODEV|EIO", "check its wiring, power and address"),
    (r"^settings: settings\.json: is not there", "provision the board"),
    (
        r"not kept as the last|^store: .*cannot be read|^crash: not recorded",
        "its flash does not do as it should: it may be worn out",
    ),
    (r"^settings: ", "they are damaged, or of another firmware: provision the board"),
    (r"^safe mode: ", "it crashed ten times in a row and runs without sensors: provision it with a newer firmware, or others"),
    (r"^crash: ", "the firmware broke, and its birth message says where"),
    (r"^trial: .*did not come up", "the firmware before it runs again; provision once more, and report what the log says"),
    (r"^store: ", "readings of an outage have less room than was asked for, or none"),
    (r"^command: ", "somebody asked the board for what it cannot give"),
    (r"^\w+Error\b", "a program broke off; the lines before it say where"),
)


def meaning(line: str) -> Meaning | None:
    """Of what a board says, as ``part: text``; None for a line that nobody knows."""
    for table, is_trouble in ((_NEWS, False), (_TROUBLES, True)):
        for pattern, text in table:
            if re.search(pattern, line):
                return Meaning(text, is_trouble)
    return None
