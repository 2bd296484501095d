"""The dashboard in a real Chromium: opened, read, filtered, acknowledged, cut off and back; and its doors over real HTTP."""

import base64
import json
import re
import socket as socket_module
import ssl
import time
from collections.abc import Callable, Iterator
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
from factory_readings import arrival, now_ms, state
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from floorsense.alerts.rules import DEFAULT, parse_rules
from floorsense.alerts.service import Alerts
from floorsense.errors import UsageError
from floorsense.storage import Database, Store
from floorsense.web import create_app
from floorsense.web.accounts import OPERATOR, VIEWER, Accounts
from floorsense.web.browser import Browser, find_chromium
from floorsense.web.doors import Doors, Tries
from floorsense.web.server import Listen, Tls, WebServer

SHAKES = '\n[[rule]]\nname = "shakes"\ntopic = "#"\nzone = "C"\n'
RULES = parse_rules(DEFAULT + SHAKES, "rules")
MACHINE = "factory/floor-2/machine-42"
TOPIC = f"{MACHINE}/temperature"
OTHER = "factory/floor-3/machine-7"


class Floor:
    """A storage with its web server and alerts; ``cut`` and ``mend`` take the server away and bring it back, same port."""

    def __init__(self, folder: Path) -> None:
        self._rooms = ExitStack()
        self._serving = ExitStack()
        self._seq = 0
        database = Database(f"sqlite:///{folder / 'floor.db'}")
        database.open()
        self._rooms.callback(database.close)
        self.store = Store(database)
        self._rooms.enter_context(Alerts(self.store, RULES, from_feed=True))
        self._listen = Listen.parse("127.0.0.1:0")
        self.url = ""
        self.mend()

    def mend(self, doors: Doors | None = None) -> None:
        server = self._serving.enter_context(WebServer(create_app(self.store, RULES, doors), self._listen))
        self.url = server.url
        self._listen = Listen.parse(server.url.removeprefix("http://"))

    def cut(self) -> None:
        self._serving.close()

    def put(self, value: float | None, topic: str = TOPIC, **more: Any) -> None:
        self._seq += 1
        self.store.put_readings([arrival(self._seq, topic=topic, value=value, **more)])

    def close(self) -> None:
        self._serving.close()
        self._rooms.close()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    floor = Floor(tmp_path)
    yield floor
    floor.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        path = find_chromium()
    except UsageError as error:
        pytest.skip(str(error))
    with Browser(path) as running:
        yield running


def eventually(look: Callable[[], Any], seconds: float = 15) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def opened(browser: Browser, floor: Floor, **more: Any) -> Any:
    page = browser.open(floor.url, **more)
    page.wait_for_selector('#link[data-link="live"]')
    return page


def tile(page: Any, machine: str) -> str:
    return str(page.locator(".tile", has_text=machine).inner_text())


# ---- in the browser


def test_what_is_stored_is_on_the_page_and_its_own_latency_beside_it(browser: Browser, floor: Floor) -> None:
    floor.put(20.5)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    assert "temperature 20.5 C" in tile(page, "machine-42") and "OK" in tile(page, "machine-42")
    floor.put(21.25)
    floor.put(2.9, f"{MACHINE}/vibration")
    assert eventually(lambda: "temperature 21.25 C" in tile(page, "machine-42"))
    assert eventually(lambda: "vibration 2.9 mm/s, zone C" in tile(page, "machine-42"))
    assert eventually(lambda: re.match(r"measured to shown: -?\d+ ms", page.locator("#latency").inner_text()))


def test_the_page_asks_nobody_else(browser: Browser, floor: Floor) -> None:
    floor.put(20.5)
    page = browser.open("about:blank")
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.goto(floor.url)
    page.locator(".tile").click()
    page.wait_for_selector(".chart .main-svg")
    assert len(asked) > 5 and all(url.startswith((floor.url, "data:", "blob:")) for url in asked), asked
    assert wrong == []


def test_an_alarm_is_seen_without_its_colour_and_acknowledged_by_keyboard(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    floor.put(85.1)
    assert eventually(lambda: f"{TOPIC}: 85.1 C, above 85" in page.locator("#alarms").inner_text())
    assert "critical" in page.locator("#alarms").inner_text()
    assert eventually(lambda: "CRITICAL" in tile(page, "machine-42"))
    button = page.get_by_role("button", name="Acknowledge")
    button.focus()
    page.keyboard.press("Enter")
    assert eventually(lambda: "acknowledged by local" in page.locator("#alarms").inner_text())
    floor.put(20.0)
    assert eventually(lambda: page.locator("#no-alarms").is_visible())
    assert eventually(lambda: "CRITICAL" not in tile(page, "machine-42"))


def test_a_filter_narrows_what_comes(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    floor.put(21.0, f"{OTHER}/temperature")
    page = opened(browser, floor)
    assert eventually(lambda: page.locator(".tile").count() == 2)
    page.fill("#filter", "+/floor-3/#")
    page.keyboard.press("Enter")
    assert eventually(lambda: page.locator(".tile").count() == 1)
    floor.put(99.0)
    floor.put(22.0, f"{OTHER}/temperature")
    assert eventually(lambda: "22 C" in tile(page, "machine-7"))
    assert page.locator(".tile").count() == 1
    page.fill("#filter", "a#")
    page.keyboard.press("Enter")
    assert eventually(lambda: "stands alone" in page.locator("#message").inner_text())


def test_a_page_that_was_cut_off_comes_back_by_itself_and_its_chart_has_no_gap(browser: Browser, floor: Floor) -> None:
    for n in range(3):
        floor.put(20.0 + n, ts_ms=now_ms() - 3000 + n)
    page = opened(browser, floor)
    page.locator(".tile").click()
    page.wait_for_selector('.chart[data-points="3"]')
    floor.cut()
    assert eventually(lambda: page.locator("#link").get_attribute("data-link") == "away")
    assert "no connection" in page.locator("#link").inner_text()
    floor.put(30.0)
    floor.put(31.0)
    floor.mend()
    assert eventually(lambda: page.locator("#link").get_attribute("data-link") in ("live", "events"), 30)
    floor.put(32.0)
    assert eventually(lambda: page.locator('.chart[data-points="6"]').count() == 1)
    assert "32 C" in tile(page, "machine-42")


def test_where_websockets_are_blocked_events_bring_the_same(browser: Browser, floor: Floor) -> None:
    page = browser.open("about:blank")
    page.add_init_script(
        "window.WebSocket = class { constructor() { setTimeout(() => this.onclose && this.onclose(), 5); } send() {} };"
    )
    page.goto(floor.url)
    page.wait_for_selector('#link[data-link="events"]')
    floor.put(23.5)
    assert eventually(lambda: page.locator(".tile").count() == 1 and "23.5 C" in tile(page, "machine-42"))


def test_text_is_text_and_a_phone_needs_no_sideways_scrolling(browser: Browser, floor: Floor) -> None:
    evil = "factory/floor-2/<img src=x onerror=document.title='owned'>"
    floor.put(90.0, f"{evil}/temperature")
    phone = {"viewport": {"width": 360, "height": 640}, "color_scheme": "dark"}
    page = opened(browser, floor, **phone)
    page.wait_for_selector(".tile")
    assert "<img src=x" in tile(page, "onerror")
    page.locator(".tile").click()
    page.wait_for_selector(".chart .main-svg")
    assert page.locator("img").count() == 0 and "owned" not in page.title()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(int(part) for part in re.findall(r"\d+", ground)[:3]) < 120


def test_what_comes_together_is_shown_in_its_order(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    values = [80.0 + n / 10 for n in range(40)]
    floor.store.put_readings([arrival(100 + n, topic=TOPIC, value=value) for n, value in enumerate(values)])
    assert eventually(lambda: "83.9 C" in tile(page, "machine-42"))
    assert page.evaluate("window.floorsense.recorded.length") == 40
    floor.put(50.0, quality=["replayed"])
    assert eventually(lambda: page.evaluate("window.floorsense.leftOut") == 1)
    assert page.evaluate("window.floorsense.recorded.length") == 40


def test_a_board_that_is_lost_is_shown_as_away(browser: Browser, floor: Floor) -> None:
    floor.put(20.0)
    page = opened(browser, floor)
    page.wait_for_selector(".tile")
    floor.store.put_states([state(MACHINE, status="lost", boot=1)])
    assert eventually(lambda: "lost" in tile(page, "machine-42"))


# ---- the live feed


def listen(floor: Floor, **more: Any) -> Any:
    return connect(floor.url.replace("http://", "ws://") + "/api/v1/live/ws", **more)


def test_a_message_says_machine_value_and_status_with_its_times(floor: Floor) -> None:
    with listen(floor) as socket:
        socket.send('{"filter": "#", "ping": 1}')
        assert [json.loads(socket.recv(5))["type"] for _ in range(2)] == ["filter", "pong"]
        at = now_ms()
        floor.put(87.3, ts_ms=at)
        told = json.loads(socket.recv(5))
        assert told["type"] == "reading"
        assert (told["machine"], told["temp"], told["ts"]) == ("machine-42", 87.3, at)
        assert told["sent"] >= told["arrived"]
        alarm = json.loads(socket.recv(5))
        assert (alarm["type"], alarm["state"]) == ("alarm", "open")
        floor.put(87.4)
        assert json.loads(socket.recv(5))["status"] == "CRITICAL"


def test_who_asks_for_messages_together_gets_them_as_arrays_and_nobody_else_does(floor: Floor) -> None:
    with listen(floor) as many, listen(floor) as single:
        many.send('{"together": true, "ping": 1}')
        single.send('{"ping": 1}')
        assert [one["type"] for one in json.loads(many.recv(5))] == ["pong"]
        assert json.loads(single.recv(5))["type"] == "pong"
        floor.store.put_readings([arrival(n, value=20.0 + n) for n in range(30)])
        got: list[float] = []
        frames = 0
        while len(got) < 30:
            got += [one["value"] for one in json.loads(many.recv(5))]
            frames += 1
        assert got == [20.0 + n for n in range(30)] and frames < 10
        assert [json.loads(single.recv(5))["value"] for _ in range(30)] == got


def test_a_browser_that_does_not_read_holds_up_nobody(floor: Floor) -> None:
    narrow = socket_module.socket()
    # So that what is not read stays with the server, and not in the system's buffers.
    narrow.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", int(floor.url.rpartition(":")[2])))
    with listen(floor, max_queue=1, sock=narrow, ping_interval=None) as slow, listen(floor) as quick:
        for socket in (slow, quick):
            socket.send('{"ping": 1}')
            socket.recv(5)
        padding = "x" * 50
        topic = f"factory/floor-2/{padding}/temperature"
        got = 0
        for part in range(20):
            floor.store.put_readings([arrival(part * 1000 + n, topic=topic, value=20.0) for n in range(1000)])
            end = time.monotonic() + 10
            while got < (part + 1) * 1000 and time.monotonic() < end:
                got += json.loads(quick.recv(5))["type"] == "reading"
        assert got == 20_000
        figures = httpx.get(f"{floor.url}/metrics").text
        assert "floorsense_live_viewers 2.0" in figures
        dropped = re.search(r"^floorsense_live_dropped_total ([\d.e+]+)", figures, re.M)
        assert dropped and float(dropped[1]) > 1000
        slow.close_timeout = 0.1


def test_one_that_talks_nonsense_is_hung_up_on(floor: Floor) -> None:
    for nonsense in ("[]", "{", '{"ping": "x"}', "x" * 2000):
        with listen(floor) as socket:
            socket.send(nonsense)
            with pytest.raises(Exception, match="1008"):
                socket.recv(5)


# ---- doors


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
