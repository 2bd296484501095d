"""The doors: who may look and act from where, over real HTTP and in the browser."""

import base64
import json
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx2 as httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from dashboard_parts import RULES, Floor, eventually, listen, opened
from websockets.exceptions import InvalidStatus

from floorsense.errors import UsageError
from floorsense.storage import Database, Store
from floorsense.web import create_app
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
