"""A client of paho's for a BrokerUrl, and its failures in words."""

import socket
import ssl
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from floorsense.broker_url import PASSWORD_VARIABLE, BrokerUrl
from floorsense.errors import UsageError

# Seconds: asking by hand what it is that does not speak MQTT.
_PROBE_S = 2


def new_client(url: BrokerUrl, name: str, *, ca: str | None = None, keep: bool = False) -> paho.Client:
    """A client for ``url`` that calls itself ``name``, not connected yet.

    ``keep``: the broker keeps its session while it is away, and each message is acknowledged by us, not by paho.
    Raises UsageError for a ``ca`` (PEM file) that cannot be used.
    """
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=name,
        clean_session=not keep,
        protocol=paho.MQTTv311,
        transport="websockets" if url.websocket else "tcp",
        manual_ack=keep,
    )
    if url.websocket:
        client.ws_set_options(url.websocket)
    if url.user is not None:
        client.username_pw_set(url.user, url.password())
    if url.tls:
        try:
            client.tls_set(ca, *(url.pair() or ()))
        except (OSError, ValueError) as error:
            text = error.strerror if isinstance(error, OSError) and error.strerror else "no certificate in it"
            raise UsageError(f"--ca {ca}: {text}; give a PEM file of the CA that signed the broker's") from error
    elif ca is not None:
        raise UsageError("--ca goes with mqtts:// and wss://; the others check no certificate")
    return client


def refusal(code: ReasonCode) -> str:
    """What a broker says that does not let us in."""
    hint = ""
    if code.getName() in ("Not authorized", "Bad user name or password"):
        hint = f"; give USER in --broker and the password in {PASSWORD_VARIABLE}"
    return f"it refused us: {code.getName().lower()}{hint}"


def probe(url: BrokerUrl) -> str | None:
    """What it is that does not answer a CONNECT as a broker does: asked once more, by hand."""
    if url.tls or url.websocket:
        return None
    # A CONNECT, and line ends, for which an HTTP server would wait.
    said = _ask(url, lambda plain: plain.sendall(b"\x10\x0e\x00\x04MQTT\x04\x02\x00\x0a\x00\x02fs\r\n\r\n"))
    if said.startswith((b"\x15\x03", b"\x16\x03")) or (not said and _ask(url, _greet_tls)):
        return "it speaks TLS; write mqtts://"
    if not said or said[0] == 0x20:
        return None
    line = said.splitlines()[0].decode(errors="replace")
    return f"it is no MQTT broker; it answered {line[:40]!r}"


def _ask(url: BrokerUrl, say: Callable[[socket.socket], object]) -> bytes:
    """The beginning of the answer to what ``say`` writes; nothing where there is none."""
    try:
        with socket.create_connection((url.host, url.port), timeout=_PROBE_S) as plain:
            say(plain)
            return plain.recv(80)
    except OSError:
        return b""


def _greet_tls(plain: socket.socket) -> None:
    """Begin a TLS handshake, and leave the answer unread."""
    said = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="floorsense").do_handshake()
    except ssl.SSLWantReadError:
        plain.sendall(said.read())


def words(error: Exception, url: BrokerUrl) -> str:
    """Why no connection came about, in words that say what to do."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}; --ca names the CA to trust"
    if isinstance(error, ssl.SSLError):
        return f"the TLS handshake failed ({error.reason or error}); does that port speak TLS?"
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "no such host name"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; is a broker running there?"
    if isinstance(error, TimeoutError):
        return "no answer; is the address right, and no firewall between?"
    if isinstance(error, paho.WebsocketConnectionError):
        return f"it does not speak MQTT over WebSocket at {url.websocket}; are port and path right, or is it mqtt://?"
    if isinstance(error, ConnectionError):
        return "it closed the connection at once" + ("; does that port speak TLS?" if url.tls else "")
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error)
