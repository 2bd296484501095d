"""The doors: who may look and act from where, over real HTTP and in the browser."""

import base64
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from dashboard_parts import RULES, Floor, eventually, listen, opened
from websockets.exceptions import ConnectionClosed, InvalidStatus

from floorsense.errors import UsageError
from floorsense.storage import Database, Store
from floorsense.web import create_app, guard, live
from floorsense.web.accounts import OPERATOR, VIEWER, Accounts
from floorsense.web.browser import Browser
from floorsense.web.doors import Doors, Tries
from floorsense.web.server import Listen, Tls, WebServer


def test_on_loopback_a_page_from_elsewhere_may_neither_listen_nor_act(floor: Floor) -> None:
    with pytest.raises(InvalidStatus), listen(floor, origin="http://evil.example"):
        pass
    answer = httpx.post(f"{floor.url}/api/v1/alerts/1/ack", headers={"Origin": "http://evil.example"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    # A name that was made to lead here.
    assert httpx.get(f"{floor.url}/api/v1/stations", headers={"Host": "evil.example"}).status_code == 403
    assert httpx.get(f"{floor.url}/api/v1/stations").status_code == 200


def test_without_a_login_nothing_is_served_beyond_loopback(floor: Floor) -> None:
    with pytest.raises(UsageError, match="login is required"):
        WebServer(create_app(floor.store), Listen.parse("0.0.0.0:0"))


@pytest.fixture
def guarded(floor: Floor) -> Floor:
    accounts = Accounts(floor.store)
    accounts.add("ada", OPERATOR, "correct horse")
    accounts.add("bob", VIEWER, "battery staple")
    floor.cut()
    floor.mend(Doors(accounts))
    floor.put(90.0)
    assert eventually(lambda: httpx.get(f"{floor.url}/api/v1/alerts", auth=("bob", "battery staple")).json()["alarms"])
    return floor


def test_roles_a_viewer_looks_and_an_operator_acts(guarded: Floor) -> None:
    url = f"{guarded.url}/api/v1/alerts"
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("ada", "wrong")).status_code == 401
    assert httpx.post(f"{url}/1/ack", auth=("bob", "battery staple")).status_code == 403
    assert httpx.post(f"{url}/1/ack", auth=("ada", "correct horse")).json()["acked_by"] == "ada"
    assert httpx.get(f"{guarded.url}/api/v1/health").status_code == 200
    with pytest.raises(InvalidStatus), listen(guarded):
        pass
    token = base64.b64encode(b"bob:battery staple").decode()
    with listen(guarded, additional_headers={"Authorization": f"Basic {token}"}) as socket:
        socket.send('{"ping": 1}')
        assert json.loads(socket.recv(5))["type"] in ("pong", "alarm")


def test_a_cookie_alone_changes_nothing_and_ends_with_the_logout(guarded: Floor) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        answer = client.post("/api/v1/login", json={"name": "ada", "password": "correct horse"})
        said = answer.headers["set-cookie"].lower()
        assert "httponly" in said and "samesite=strict" in said
        assert client.get("/api/v1/stations").status_code == 200
        assert client.post("/api/v1/alerts/1/ack").status_code == 403
        assert client.post("/api/v1/alerts/1/ack", headers={"X-Floorsense": "1"}).status_code == 200
        cookie = client.cookies["floorsense"]
        client.post("/api/v1/logout")
        assert httpx.get(f"{guarded.url}/api/v1/stations", cookies={"floorsense": cookie}).status_code == 401


def test_by_tls_the_cookie_is_for_tls_alone(floor: Floor, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "floor")])
    day = timedelta(days=1)
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    certificate = tmp_path / "floor.pem"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    secret = tmp_path / "floor.key"
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    accounts = Accounts(floor.store)
    accounts.add("ada", OPERATOR, "correct horse")
    app = create_app(floor.store, RULES, Doors(accounts))
    trusted = ssl.create_default_context(cafile=str(certificate))
    with WebServer(app, Listen.parse("127.0.0.1:0"), Tls(certificate, secret)) as server:
        assert server.url.startswith("https://")
        with httpx.Client(base_url=server.url, verify=trusted) as client:
            answer = client.post("/api/v1/login", json={"name": "ada", "password": "correct horse"})
            assert "secure" in answer.headers["set-cookie"].lower()
            assert client.get("/api/v1/stations").status_code == 200
    with pytest.raises(UsageError, match="not a certificate and its key"):
        WebServer(app, Listen.parse("127.0.0.1:0"), Tls(secret, secret))


def test_passwords_cannot_be_tried_without_end(guarded: Floor) -> None:
    codes = [
        httpx.post(f"{guarded.url}/api/v1/login", json={"name": "eve", "password": f"guess-{n}"}).status_code for n in range(7)
    ]
    assert 429 in codes and 200 not in codes and codes[-1] == 429


def test_the_memory_of_tries_is_bounded() -> None:
    tries = Tries(1, 60, keys=3)
    assert [tries.take(key, 0) for key in "aabcd"] == [True, False, True, True, True]
    assert tries.take("a", 1)


def test_the_page_sends_whoever_is_not_known_to_the_login_and_back(browser: Browser, guarded: Floor) -> None:
    page = browser.open(guarded.url)
    page.wait_for_url("**/login")
    page.fill("#name", "ada")
    page.fill("#password", "correct horse")
    page.keyboard.press("Enter")
    page.wait_for_selector("#alarms li")
    page.get_by_role("button", name="Acknowledge").click()
    assert eventually(lambda: "acknowledged by ada" in page.locator("#alarms").inner_text())


def test_who_logs_out_is_at_the_login_again_and_a_viewer_has_nothing_to_press(browser: Browser, guarded: Floor) -> None:
    page = browser.open(f"{guarded.url}/login")
    page.fill("#name", "bob")
    page.fill("#password", "battery staple")
    page.keyboard.press("Enter")
    page.wait_for_selector("#visitor:not([hidden])")
    assert "bob (viewer)" in page.locator("#visitor").inner_text()
    assert eventually(lambda: "not acknowledged" in page.locator("#alarms").inner_text())
    assert page.get_by_role("button", name="Acknowledge").count() == 0
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto(guarded.url)
    page.wait_for_url("**/login")


def test_on_loopback_there_is_nothing_to_log_out_of(browser: Browser, floor: Floor) -> None:
    page = opened(browser, floor)
    assert httpx.get(f"{floor.url}/api/v1/login").json() == {"name": "local", "role": "operator", "login": False}
    assert not page.locator("#logout").is_visible()


def test_no_password_is_kept_and_none_is_by_default(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    accounts = Accounts(Store(database))
    assert accounts.listed() == []
    with pytest.raises(UsageError, match="10 to 1024"):
        accounts.add("ada", OPERATOR, "short")
    accounts.add("ada", OPERATOR, "correct horse")
    database.close()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"$argon2id$" in data and b"correct horse" not in data


# ---- hostile connections


def spoken(url: str, *parts: bytes, pause_s: float = 0.0, limit_s: float = 20.0) -> tuple[bytes, float]:
    """What came back for ``parts``, said one by one, until the other end hung up; and after how many seconds it did."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=limit_s) as link:
        link.settimeout(pause_s or limit_s)
        came = b""
        for place, part in enumerate(parts):
            try:
                link.sendall(part)
                if place == len(parts) - 1:
                    link.settimeout(limit_s)
                while data := link.recv(65536):
                    came += data
                return came, time.monotonic() - began
            except TimeoutError:
                continue
            except OSError:
                break
    return came, time.monotonic() - began


@pytest.mark.parametrize(
    "beginning",
    [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n{"],
)
def test_who_is_slow_to_say_what_they_want_is_hung_up_on(
    beginning: bytes, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard.Guard.__init__, "__kwdefaults__", {"request_s": 1.0})
    floor.cut()
    floor.mend()
    came, after_s = spoken(floor.url, beginning, *([b"a"] * 60), pause_s=0.2)
    assert came == b"" and 0.8 < after_s < 10
    # Who says it in time is answered as often as they like, and then may rest.
    whole = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    came, _ = spoken(floor.url, whole, whole, whole, pause_s=0.6, limit_s=1)
    assert came.count(b"200 OK") == 3


def test_one_address_has_so_many_connections_and_no_more(monkeypatch: pytest.MonkeyPatch, floor: Floor) -> None:
    monkeypatch.setattr(guard, "_is_loopback", lambda address: False)
    port = int(floor.url.rpartition(":")[2])
    with ExitStack() as links:
        for _ in range(guard.MOST_CONNECTIONS):
            links.enter_context(socket.create_connection(("127.0.0.1", port)))
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{floor.url}/api/v1/health", timeout=5)
    assert eventually(lambda: httpx.get(f"{floor.url}/api/v1/health", timeout=5).status_code == 200)


@pytest.mark.parametrize("origin", ["http://[::1", "null", "http://", "\\", "http://127.0.0.1:1"])
def test_an_origin_that_is_none_of_ours_is_refused_however_it_is_written(origin: str, floor: Floor) -> None:
    answer = httpx.post(f"{floor.url}/api/v1/alerts/1/ack", headers={"Origin": origin})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize("host", ["[::1", "evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example"])
def test_on_loopback_a_host_that_is_not_this_machine_is_refused_however_it_is_written(host: str, floor: Floor) -> None:
    came, _ = spoken(floor.url, f"GET /api/v1/stations HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert came.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))


def test_hostile_bodies_are_refused_or_quarantined_and_nothing_breaks(floor: Floor) -> None:
    def post(body: bytes | Iterator[bytes]) -> httpx.Response:
        return httpx.post(f"{floor.url}/api/v1/readings", content=body, headers={"Content-Type": "application/json"})

    def one(topic: str, payload: bytes) -> bytes:
        return b'{"readings":[{"topic":' + json.dumps(topic).encode() + b',"payload":' + payload + b"}]}"

    good = b'{"value":1,"unit":"C","ts":%d}' % time.time()
    assert post(b'{"readings":' + b"[" * 200_000 + b"]" * 200_000 + b"}").status_code == 400
    assert post(one("a/b/c/temperature", b'{"value":' + b"9" * 100_000 + b"}")).status_code == 400
    assert post(b"x" * 1_000_000 for _ in range(5)).status_code == 413
    assert post(b"{" * (5 << 20)).status_code == 413
    for topic, payload in (
        ("a/b/c/temperature", b'{"a":' + b"[" * 900 + b"]" * 900 + b"}"),
        ("a/b/c/temperature", b'{"value":NaN,"unit":"C","ts":1}'),
        ("a/b/c/temperature", b'{"value":1,"unit":"<script>alert(1)</script>","ts":1}'),
        ("a/b/\0/temperature", good),
        ("../../etc/passwd", good),
    ):
        answer = post(one(topic, payload))
        assert (answer.status_code, answer.json()["quarantined"]) == (200, 1)
    assert post(one("a/b/'; DROP TABLE readings; --/temperature", good)).json()["stored"] == 1
    assert [one["machine"] for one in httpx.get(f"{floor.url}/api/v1/stations").json()["stations"]] == [
        "a/b/'; DROP TABLE readings; --"
    ]


@pytest.mark.parametrize(
    "path", ["/page/../../pyproject.toml", "/page/%2e%2e%2ffloor.js", "/page/..%5cfloor.js", "/page//etc/passwd"]
)
def test_there_is_no_way_out_of_the_pages_folder(path: str, floor: Floor) -> None:
    came, _ = spoken(floor.url, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
    assert came.startswith(b"HTTP/1.1 404")


def test_what_an_answer_says_is_kept_by_nobody_and_taken_for_no_page(floor: Floor) -> None:
    headers = httpx.get(f"{floor.url}/api/v1/stations").headers
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    split = httpx.get(f"{floor.url}/api/v1/stations", params={"after": "x\r\nSet-Cookie: a=b"})
    assert "set-cookie" not in split.headers


def read_to_the_end(link: Any) -> None:
    while True:
        link.recv(5)


def test_who_is_logged_out_or_removed_sees_nothing_more(guarded: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_ASK_AGAIN_S", 0.2)
    with httpx.Client(base_url=guarded.url) as client:
        client.post("/api/v1/login", json={"name": "bob", "password": "battery staple"})
        cookie = f"floorsense={client.cookies['floorsense']}"
        with listen(guarded, additional_headers={"Cookie": cookie}) as link:
            time.sleep(0.5)
            link.send('{"ping": 1}')
            assert json.loads(link.recv(5))
            client.post("/api/v1/logout")
            with pytest.raises(ConnectionClosed, match="1008"):
                read_to_the_end(link)


def test_nobody_locks_somebody_else_out_by_guessing(guarded: Floor) -> None:
    for n in range(7):
        httpx.post(f"{guarded.url}/api/v1/login", json={"name": "ada", "password": f"guess-{n}"})
    doors = guarded.doors
    assert doors is not None
    # From another address.
    assert doors.tries.take("192.0.2.7", time.monotonic())
    assert doors.named_tries.take("ada", time.monotonic())
