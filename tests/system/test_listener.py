"""Listening at real brokers, and at what is none: each failure in words of its own."""

import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from floorsense.broker_url import BrokerUrl
from floorsense.errors import BrokerError, UsageError
from floorsense.listener import Listener

HOST = "127.0.0.1"


class Ears:
    """Collects what a listener passes on."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, int, bool, bool, float]] = []
        self.deaf: list[tuple[float, float]] = []

    def hear(self, *message) -> None:
        self.heard.append(message)

    def wait(self, count: int) -> None:
        end = time.monotonic() + 10
        while len(self.heard) < count and time.monotonic() < end:
            time.sleep(0.01)
        assert len(self.heard) >= count


def refusal(url: str, topics: tuple[str, ...] = ("#",), timeout_s: float = 1, **more) -> str:
    """The text of the BrokerError that opening ``url`` ends with; one line."""
    ears = Ears()
    with pytest.raises(BrokerError) as found:
        Listener(BrokerUrl.parse(url), topics, ears.hear, **more).open(timeout_s)
    text = str(found.value)
    assert "\n" not in text
    return text


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A loopback server that does ``answer`` with each connection, one after the other."""
    with socket.create_server((HOST, 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"mqtt://{HOST}:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("qos", [0, 1, 2])
def test_a_message_comes_with_its_topic_payload_and_own_QoS(mosquitto, qos: int) -> None:
    ears = Ears()
    with Listener(BrokerUrl(HOST, mosquitto.port), ["factory/#"], ears.hear):
        mosquitto.publish("factory/floor-2/machine-42/temperature", b'{"value":1}', qos)
        ears.wait(1)
    topic, payload, came_at, retain, _dup, at_ms = ears.heard[0]
    assert (topic, payload, came_at, retain) == ("factory/floor-2/machine-42/temperature", b'{"value":1}', qos, False)
    assert abs(at_ms - time.time() * 1000) < 5000


def test_what_is_retained_is_said_to_be(mosquitto) -> None:
    mosquitto.publish("factory/floor-2/machine-42/status", b"{}", retain=True)
    ears = Ears()
    with Listener(BrokerUrl(HOST, mosquitto.port), ["#"], ears.hear):
        ears.wait(1)
    assert ears.heard[0][3] is True


def test_a_lost_broker_is_found_again_and_the_deaf_time_is_told(mosquitto) -> None:
    ears = Ears()
    with Listener(BrokerUrl(HOST, mosquitto.port), ["#"], ears.hear, on_deaf=lambda *span: ears.deaf.append(span)) as listener:
        mosquitto.stop()
        end = time.monotonic() + 5
        while not listener.away_s() and time.monotonic() < end:
            time.sleep(0.01)
        assert listener.away_s() > 0
        mosquitto.start()
        end = time.monotonic() + 15
        while not ears.deaf and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.2)
        mosquitto.publish("a", b"b")
        ears.wait(1)
    ((lost_ms, back_ms),) = ears.deaf
    assert 0 < back_ms - lost_ms < 20000


def test_a_name_that_does_not_exist() -> None:
    assert "no such host name" in refusal("mqtt://no-such-broker.invalid")


def test_a_port_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        assert "connection refused" in refusal(f"mqtt://{HOST}:{taken.getsockname()[1]}")


def test_an_HTTP_server_is_told_by_its_answer() -> None:
    web = http.server.HTTPServer((HOST, 0), http.server.BaseHTTPRequestHandler)
    web.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=web.serve_forever, daemon=True).start()
    text = refusal(f"mqtt://{HOST}:{web.server_port}")
    web.shutdown()
    web.server_close()
    assert "no MQTT broker; it answered" in text
    assert "HTTP" in text or "html" in text.lower()


def test_a_server_that_speaks_first_is_told_by_its_greeting() -> None:
    with server(lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")) as url:
        assert "it answered 'SSH-2.0-OpenSSH_9.2'" in refusal(url)


def test_a_server_that_closes_at_once() -> None:
    with server(lambda connection: None) as url:
        assert "closed the connection" in refusal(url)


def test_a_server_that_says_nothing() -> None:
    with server(lambda connection: time.sleep(8)) as url:
        assert "said nothing for 1 s" in refusal(url)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (1, "unsupported protocol version"),
        (2, "client identifier not valid"),
        (3, "server unavailable"),
        (4, "bad user name or password"),
        (5, "not authorized"),
    ],
)
def test_T03_a_refusing_CONNACK_is_named(code: int, text: str) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(bytes((0x20, 2, 0, code)))
        time.sleep(0.05)

    with server(refuse) as url:
        assert f"it refused us: {text}" in refusal(url)


def test_a_wrong_password_and_none_at_all(start_mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = shutil.which("mosquitto_passwd") or pytest.skip("no mosquitto_passwd on this machine")
    users = tmp_path / "users"
    subprocess.run([tool, "-b", "-c", users, "line-3", "right"], check=True, capture_output=True, timeout=20)
    broker = start_mosquitto(f"allow_anonymous false\npassword_file {users}")
    assert "not authorized; give USER" in refusal(broker.url)
    monkeypatch.setenv("FLOORSENSE_BROKER_PASSWORD", "wrong")
    with_user = f"mqtt://line-3@{HOST}:{broker.port}"
    assert "it refused us" in refusal(with_user)
    monkeypatch.setenv("FLOORSENSE_BROKER_PASSWORD", "right")
    Listener(BrokerUrl.parse(with_user), ["#"], Ears().hear).__enter__().close()


def test_a_refused_subscription_names_its_topic() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"\x20\x02\x00\x00")
        subscribe = connection.recv(1024)
        connection.sendall(b"\x90\x03" + subscribe[2:4] + b"\x80")
        time.sleep(0.1)

    with server(refuse) as url:
        assert "it refused the subscription to factory/#" in refusal(url, ("factory/#",))


@pytest.mark.parametrize("topic", ["", "factory/#/more", "fac#", "factory/machine+", "a\0b"])
def test_a_filter_that_is_none_is_refused_before_anything_is_sent(topic: str) -> None:
    with pytest.raises(UsageError, match="--topic"):
        Listener(BrokerUrl(HOST, 1), [topic], Ears().hear)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ca.pem, and server, other and expired .pem/.key signed by it."""
    tool = shutil.which("openssl") or pytest.skip("no openssl on this machine")
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        subprocess.run([tool, *arguments], cwd=folder, check=True, capture_output=True, timeout=30)

    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test CA", "-days", "2")
    for name, host, days in (("server", HOST, "2"), ("other", "192.0.2.1", "2"), ("expired", HOST, "-1")):
        (folder / f"{name}.ext").write_text(f"subjectAltName=IP:{host}\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.ext", "-days", days)
        openssl("x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)
    return folder


def secured(start_mosquitto, folder: Path, name: str) -> str:
    lines = f"allow_anonymous true\ncertfile {folder / name}.pem\nkeyfile {folder / name}.key"
    return start_mosquitto(lines).url.replace("mqtt:", "mqtts:")


def test_a_broker_whose_CA_is_named_is_trusted(start_mosquitto, certificates: Path) -> None:
    url = BrokerUrl.parse(secured(start_mosquitto, certificates, "server"))
    Listener(url, ["#"], Ears().hear, ca=str(certificates / "ca.pem")).__enter__().close()


def test_T39_an_unknown_CA_is_refused(start_mosquitto, certificates: Path) -> None:
    text = refusal(secured(start_mosquitto, certificates, "server"))
    assert "not to be trusted: unable to get local issuer certificate; --ca" in text


def test_T40_an_expired_certificate_is_refused(start_mosquitto, certificates: Path) -> None:
    url = secured(start_mosquitto, certificates, "expired")
    assert "certificate has expired" in refusal(url, ca=str(certificates / "ca.pem"))


def test_T41_a_wrong_host_name_is_refused(start_mosquitto, certificates: Path) -> None:
    url = secured(start_mosquitto, certificates, "other")
    assert "certificate is not valid for '127.0.0.1'" in refusal(url, ca=str(certificates / "ca.pem"))


def test_TLS_at_a_port_without_it_and_the_other_way_round(start_mosquitto, mosquitto, certificates: Path) -> None:
    assert "does that port speak TLS?" in refusal(mosquitto.url.replace("mqtt:", "mqtts:"))
    url = secured(start_mosquitto, certificates, "server").replace("mqtts:", "mqtt:")
    assert "it speaks TLS; write mqtts://" in refusal(url)


def test_a_CA_file_that_is_none_is_a_wrong_use(tmp_path: Path) -> None:
    not_pem = tmp_path / "ca.pem"
    not_pem.write_text("hello")
    for path in (tmp_path / "missing.pem", not_pem):
        with pytest.raises(UsageError, match="--ca"):
            Listener(BrokerUrl(HOST, 1, tls=True), ["#"], Ears().hear, ca=str(path))
