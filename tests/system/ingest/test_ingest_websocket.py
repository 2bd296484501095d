"""The ingestion at a broker that is reached through firewalls: over WebSocket, and over WebSocket and TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from factory_readings import fields
from ingest_parts import HOST, Away, comes, send, url_of
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from floorsense.broker.authority import make_authority, make_server
from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError
from floorsense.ingest.ingester import Ingester


@contextmanager
def gateway(broker: Any, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """A WebSocket at its port, before the broker: Mosquitto has one only where it was built so."""

    def carry(web: ServerConnection) -> None:
        with socket.create_connection((HOST, broker.port)) as plain, suppress(OSError, ConnectionClosed):
            threading.Thread(target=forward, args=(plain, web), daemon=True).start()
            for message in web:
                plain.sendall(message)

    def forward(plain: socket.socket, web: ServerConnection) -> None:
        with suppress(OSError, ConnectionClosed):
            while data := plain.recv(65536):
                web.send(data)
        web.close()

    with serve(carry, HOST, 0, subprotocols=["mqtt"], ssl=tls) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.socket.getsockname()[1]
        server.shutdown()
    thread.join(5)


def test_a_broker_is_reached_over_WebSocket(broker: Any, store: Away) -> None:
    with gateway(broker) as port, Ingester(BrokerUrl.parse(f"ws://{HOST}:{port}"), store):
        send(broker, *(fields(seq) for seq in range(50)))
        comes(store, list(range(50)))


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's, whose certificate is signed by ``tmp_path / "ca.pem"``."""
    authority = make_authority("test CA")
    server = make_server(authority, [HOST])
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    (tmp_path / "server.pem").write_bytes(server.certificate + server.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    return context


def test_a_broker_is_reached_over_WebSocket_and_TLS(broker: Any, store: Away, tls: ssl.SSLContext, tmp_path: Path) -> None:
    ca = str(tmp_path / "ca.pem")
    with gateway(broker, tls) as port, Ingester(BrokerUrl.parse(f"wss://{HOST}:{port}"), store, ca=ca):
        send(broker, *(fields(seq) for seq in range(50)))
        comes(store, list(range(50)))


def test_T39_an_unknown_CA_is_refused_over_WebSocket_too(broker: Any, store: Away, tls: ssl.SSLContext) -> None:
    with gateway(broker, tls) as port, pytest.raises(BrokerError, match=r"certificate is not to be trusted"):
        Ingester(BrokerUrl.parse(f"wss://{HOST}:{port}"), store).__enter__()


def test_a_broker_that_speaks_no_WebSocket_is_named(broker: Any, store: Away) -> None:
    with pytest.raises(BrokerError, match=r"does not speak MQTT over WebSocket at /mqtt"):
        Ingester(url_of(broker, "ws"), store).__enter__()
