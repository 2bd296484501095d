"""floorsense serve, ingest, api and dashboard as commands: what they say, what they refuse, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import paho.mqtt.publish as publish
import pytest
from factory_parts import HOST, Ledger, Process, floorsense, get, until
from factory_readings import TOPIC, fields
from websockets.sync.client import connect

from floorsense import cli
from floorsense.broker.local import free_port
from floorsense.storage import Database, Store
from floorsense.web import create_app
from floorsense.web.accounts import OPERATOR, VIEWER, Accounts
from floorsense.web.doors import Doors
from floorsense.web.server import Listen, WebServer


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("serve", "--broker", "mqtt://127.0.0.1:1"), 3, "broker 127.0.0.1:1: connection refused; is a broker running there?"),
        (("serve", "--broker", "http://127.0.0.1"), 2, "--broker: write mqtt://HOST:PORT"),
        (("serve", "--broker", "mqtt://me:sesame@127.0.0.1"), 2, "set FLOORSENSE_BROKER_PASSWORD instead"),
        (("serve", "--database", "mysql://host/floor"), 2, "--database: write sqlite:///FILE or postgresql://USER@HOST/NAME"),
        (("serve", "--database", "postgresql://floor:sesame@127.0.0.1/floor"), 2, "set FLOORSENSE_DATABASE to the whole URL"),
        (("serve", "--listen", "127.0.0.1"), 2, "--listen '127.0.0.1': write ADDRESS:PORT"),
        (("serve", "--topic", "a/#/b"), 2, "'#' stands alone"),
        (("serve", "--ca", "ca.pem"), 2, "--ca goes with mqtts:// and wss://"),
        (("serve", "--keep-readings", "0"), 2, "--keep-readings"),
        (("api", "--database", "sqlite:////no/such/folder/floor.db"), 3, "does its folder exist, and may we write there?"),
        (("api", "--database", "postgresql://floor@127.0.0.1:1/floor"), 3, "127.0.0.1"),
        (("ingest", "--api", "ftp://127.0.0.1"), 2, "--api: write http://HOST:PORT"),
        (("ingest", "--api", "http://ada:sesame@127.0.0.1"), 2, "set FLOORSENSE_API_PASSWORD instead"),
        (("ingest", "--api", "http://ada@127.0.0.1"), 2, "set FLOORSENSE_API_PASSWORD, or give --api-password FILE (mode 600)"),
        (("ingest", "--api", "http://ada@plant.example"), 2, "the password would travel in the clear"),
        (("ingest", "--api-password", "file"), 2, "a password of whom?"),
        (("ingest", "--api-ca", "ca.pem"), 2, "--api-ca goes with https://"),
        (("dashboard", "--broker", "mqtt://127.0.0.1:1"), 3, "broker 127.0.0.1:1: connection refused"),
        (("dashboard", "--database", "sqlite:////no/such/folder/floor.db"), 3, "does its folder exist"),
        (("api", "--ca", "ca.pem"), 2, "--topic and --ca go with --broker"),
        (("ingest", "--api", "http://127.0.0.1:1"), 3, "is `floorsense api` or `serve` running there?"),
    ],
)
def test_what_cannot_be_is_one_line_that_says_what_to_do(
    arguments: tuple[str, ...],
    code: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if arguments[0] != "ingest" and "--listen" not in arguments:
        arguments += ("--listen", "127.0.0.1:0")
    with pytest.raises(SystemExit) as ended:
        cli.main(list(arguments))
    said = capsys.readouterr()
    assert ended.value.code == code
    assert words in said.err
    assert said.err.startswith("error: ") and said.err.count("\n") == 1 and "sesame" not in said.err


def test_serve_stores_what_comes_and_ends_in_order(start_mosquitto: Callable[..., Any], tmp_path: Path) -> None:
    broker = start_mosquitto()
    port = free_port()
    database = f"sqlite:///{tmp_path}/floor.db"
    serve = floorsense(
        tmp_path, "serve", "serve", "--broker", broker.url, "--database", database, "--listen", f"{HOST}:{port}"
    ).start("API at")
    try:
        messages = [{"topic": TOPIC, "payload": json.dumps(fields(seq)), "qos": 1} for seq in range(100)]
        publish.multiple(messages, hostname=HOST, port=broker.port)
        ledger = Ledger(database)
        assert until(lambda: ledger.count() == 100, 20)
        parts = get(f"http://{HOST}:{port}/api/v1/health")["parts"]
        assert parts == dict.fromkeys(("database", "broker", "ingest", "alerts", "postman"), "ok")
        assert serve.end() == 0
    finally:
        serve.kill()
    assert "Traceback" not in serve.log.read_text()


def test_a_service_that_starts_before_its_broker_and_database_waits_for_them(
    start_mosquitto: Callable[..., Any], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    broker.stop()
    folder = tmp_path / "later"
    command = ("serve", "--wait", "--broker", broker.url, "--database", f"sqlite:///{folder}/floor.db", "--listen", f"{HOST}:0")
    serve = floorsense(tmp_path, "serve", *command).start("trying again")
    try:
        folder.mkdir()
        assert until(lambda: (folder / "floor.db").exists(), 10)
        broker.start()
        assert until(lambda: "connected as floorsense-ingest" in serve.log.read_text(), 30)
        assert serve.end() == 0
    finally:
        serve.kill()


def test_a_service_that_waits_for_its_database_can_be_stopped(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/none/floor.db"
    api = floorsense(tmp_path, "api", "api", "--wait", "--database", database, "--listen", f"{HOST}:0").start("trying again")
    assert api.end() == 0


def test_an_ingester_logs_in_at_an_api_that_asks_for_it(
    start_mosquitto: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = start_mosquitto()
    url = f"sqlite:///{tmp_path}/floor.db"
    database = Database(url)
    database.open()
    store = Store(database)
    accounts = Accounts(store)
    accounts.add("ingest", OPERATOR, "correct horse")
    accounts.add("bob", VIEWER, "battery staple")
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    with WebServer(create_app(store, None, Doors(accounts)), Listen.parse(f"{HOST}:0")) as server:

        def ingest(name: str, user: str, *more: str) -> Process:
            api = server.url.replace("http://", f"http://{user}@")
            return floorsense(tmp_path, name, "ingest", "--broker", broker.url, "--api", api, *more)

        for name, user, password, words in (
            ("wrong", "ingest", "wrong horse", "401 login-required"),
            ("viewer", "bob", "battery staple", "403 forbidden: this needs the role operator"),
        ):
            monkeypatch.setenv("FLOORSENSE_API_PASSWORD", password)
            refused = ingest(name, user).start()
            assert refused.wait(30) == 3
            assert words in refused.log.read_text() and password not in refused.log.read_text()
        monkeypatch.delenv("FLOORSENSE_API_PASSWORD")
        secret.chmod(0o644)
        open_to_all = ingest("open", "ingest", "--api-password", str(secret)).start()
        assert open_to_all.wait(30) == 2 and "chmod 600" in open_to_all.log.read_text()
        secret.chmod(0o600)
        working = ingest("working", "ingest", "--api-password", str(secret)).start("as floorsense-ingest")
        try:
            messages = [{"topic": TOPIC, "payload": json.dumps(fields(seq)), "qos": 1} for seq in range(100)]
            publish.multiple(messages, hostname=HOST, port=broker.port)
            ledger = Ledger(url)
            assert until(lambda: ledger.count() == 100, 20)
            assert working.end() == 0
        finally:
            working.kill()
    database.close()


@pytest.mark.parametrize("part", ["dashboard", "api"])
def test_a_browser_sees_live_what_another_process_stores(
    part: str, start_mosquitto: Callable[..., Any], tmp_path: Path
) -> None:
    broker = start_mosquitto()
    port = free_port()
    url = f"sqlite:///{tmp_path}/floor.db"
    command = (part, "--broker", broker.url, "--database", url, "--listen", f"{HOST}:{port}")
    serving = floorsense(tmp_path, part, *command).start(f"{HOST}:{port}")
    try:
        assert get(f"http://{HOST}:{port}/api/v1/health")["parts"] == {"database": "ok", "broker": "ok"}
        with connect(f"ws://{HOST}:{port}/api/v1/live/ws") as socket:
            socket.send('{"ping": 1}')
            assert json.loads(socket.recv(5))["type"] == "pong"
            broker.publish(TOPIC, b"no reading")
            broker.publish(TOPIC, json.dumps(fields(1, value=21.5)).encode())
            told = json.loads(socket.recv(5))
            assert (told["type"], told["topic"], told["value"]) == ("reading", TOPIC, 21.5)
        # It shows, and stores nothing: that is the ingester's.
        assert Ledger(url).count() == 0
        if part == "dashboard":
            with pytest.raises(HTTPError) as refused:
                urlopen(Request(f"http://{HOST}:{port}/api/v1/readings", b'{"readings":[]}', method="POST"), timeout=10)
            assert refused.value.code in (404, 405)
        assert serving.end() == 0
    finally:
        serving.kill()
