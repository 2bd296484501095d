"""The storage API over HTTP, and what its OpenAPI document promises, tried with what schemathesis makes of it."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from factory_readings import TOPIC, fields, now_ms
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from prometheus_client.parser import text_string_to_metric_families
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from floorsense.errors import DatabaseError, UsageError
from floorsense.storage import Database, Store
from floorsense.web import create_app
from floorsense.web.limits import MAX_BODY
from floorsense.web.server import Listen, WebServer

MACHINE = TOPIC.rpartition("/")[0]
HTML = "<script>alert('1')</script>"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    database = Database(f"sqlite:///{tmp_path / 'floor.db'}")
    database.open()
    yield Store(database)
    database.close()


@pytest.fixture
def api(store: Store) -> Iterator[TestClient]:
    with TestClient(create_app(store), base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        yield client


def put(api: TestClient, *payloads: dict[str, Any], topic: str = TOPIC) -> dict[str, Any]:
    answer = api.post("/api/v1/readings", json={"readings": [{"topic": topic, "payload": one} for one in payloads]})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def told(answer: Any, status: int, code: str) -> str:
    """The message of a failure; its form is always the same."""
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"} and answer.json()["error"]["code"] == code, answer.text
    text: str = answer.json()["error"]["message"]
    assert "\n" not in text and "Traceback" not in text
    return text


def test_a_batch_is_stored_once_and_what_is_wrong_with_it_is_said(api: TestClient) -> None:
    assert put(api, fields(0), fields(1), fields(1))["repeated"] == 1
    answer = put(api, fields(1), fields(2), fields(3, unit="F"))
    assert (answer["stored"], answer["repeated"], answer["quarantined"]) == (1, 1, 1)
    assert answer["refused"] == [{"topic": TOPIC, "reason": "unit is 'F'; temperature is in 'C'"}]
    (entry,) = api.get("/api/v1/quarantine").json()["entries"]
    assert (entry["topic"], entry["times"]) == (TOPIC, 1)


def test_a_series_is_told_by_filter_and_time(api: TestClient) -> None:
    at = now_ms() - 60_000
    put(api, *(fields(seq, ts_ms=at + 1000 * seq, value=20 + seq) for seq in range(10)))
    put(api, fields(0, ts_ms=at), topic="factory/floor-9/other/temperature")
    asked = {"topic": "factory/floor-2/+/temperature", "from": at + 2000, "to": at + 5000}
    (series,) = api.get("/api/v1/series", params=asked).json()["series"]
    assert (series["topic"], series["unit"], series["seq"], series["value"]) == (TOPIC, "C", [2, 3, 4], [22, 23, 24])
    (series,) = api.get("/api/v1/series", params=asked | {"limit": 2}).json()["series"]
    assert (series["seq"], series["truncated"]) == ([2, 3], True)
    answer = api.get("/api/v1/series", params=asked | {"topic": "#", "from": at, "most": 1}).json()
    assert (len(answer["series"]), answer["truncated"]) == (1, True)


def test_a_downsampled_series_has_mean_least_and_greatest_of_each_step(api: TestClient) -> None:
    at = (now_ms() - 600_000) // 60_000 * 60_000
    put(api, *(fields(seq, ts_ms=at + 30_000 * seq, value=20 + seq) for seq in range(4)))
    asked = {"topic": TOPIC, "from": at, "to": at + 120_000, "step": 60_000}
    (series,) = api.get("/api/v1/series", params=asked).json()["series"]
    assert (series["ts"], series["mean"], series["low"], series["high"], series["count"]) == (
        [at, at + 60_000],
        [20.5, 22.5],
        [20, 22],
        [21, 23],
        [2, 2],
    )


def test_a_board_is_told_with_its_last_state_and_what_is_missing(api: TestClient) -> None:
    will = {"status": "lost", "boot": 1}
    api.post("/api/v1/states", json={"states": [{"topic": f"{MACHINE}/status", "payload": will}]})
    put(api, fields(0), fields(7))
    station = api.get(f"/api/v1/stations/{MACHINE}").json()
    assert (station["status"], station["latest"][0]["missing"]) == ("lost", 6)
    told(api.get("/api/v1/stations/no/such/board"), 404, "not-found")
    marks = api.post("/api/v1/marks", json={"machines": [MACHINE, "x/y/z"]}).json()["marks"]
    assert marks == {MACHINE: {"temperature": [{"boot": 1, "seq": 0, "gaps": [[1, 6]], "top": 7}]}}


def test_boards_and_quarantine_are_told_page_by_page(api: TestClient) -> None:
    for number in range(5):
        put(api, fields(0), topic=f"factory/f/m-{number}/temperature")
        put(api, fields(0, unit="F"), topic=f"factory/f/m-{number}/temperature")
    seen, after = [], ""
    while after is not None:
        page = api.get("/api/v1/stations", params={"limit": 2, "after": after}).json()
        seen += [station["machine"] for station in page["stations"]]
        after = page["next"]
    assert seen == [f"factory/f/m-{number}" for number in range(5)]
    ids: list[int] = []
    before: dict[str, int] = {}
    while page := api.get("/api/v1/quarantine", params={"limit": 2, **before}).json():
        ids += [entry["id"] for entry in page["entries"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert ids == sorted(ids, reverse=True) and len(ids) == 5


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad-json"),
        (b"\xff\xfe", 400, "bad-json"),
        (b"[" * 100_000, 400, "bad-request"),
        (b"[]", 422, "invalid"),
        (b'{"readings":[{"topic":"a/b/c/temperature","payload":[]}]}', 422, "invalid"),
        (b'{"readings":[],"more":1}', 422, "invalid"),
        (b'{"readings":[{"topic":"","payload":{}}]}', 422, "invalid"),
        (b'{"readings":[{"topic":"a/b/c/temperature","payload":{},"arrived":"now"}]}', 422, "invalid"),
        (b" " * (MAX_BODY + 1), 413, "too-large"),
    ],
)
def test_a_request_that_cannot_be_read_is_refused_with_the_reason(api: TestClient, body: bytes, status: int, code: str) -> None:
    answer = api.post("/api/v1/readings", content=body, headers={"content-type": "application/json"})
    assert told(answer, status, code)


def test_a_body_that_says_nothing_of_its_size_is_limited_as_it_comes(api: TestClient) -> None:
    answer = api.post("/api/v1/readings", content=(b" " * 65536 for _ in range(MAX_BODY // 65536 + 2)))
    told(answer, 413, "too-large")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"topic": "a/#/b"}, "'#' stands alone"),
        ({"topic": "#", "step": 50}, "at least 100 ms"),
        ({"topic": "#", "from": 0, "to": 10**12, "step": 1000}, "take a longer one"),
        ({"topic": "#", "from": "yesterday"}, "query.from"),
        ({}, "query.topic"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_the_reason(
    api: TestClient, asked: dict[str, Any], words: str
) -> None:
    assert words in told(api.get("/api/v1/series", params=asked), 422, "invalid")


def test_HTML_and_SQL_are_told_as_the_text_they_are(api: TestClient) -> None:
    name = f"factory/{HTML.replace('/', '')}/'; DROP TABLE readings; --"
    put(api, fields(0), fields(1, unit=HTML), topic=f"{name}/temperature")
    answer = api.get("/api/v1/stations")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["stations"][0]["machine"] == name
    assert HTML in api.get("/api/v1/quarantine").json()["entries"][0]["reason"]


def test_refused_messages_of_other_ingesters_are_kept(api: TestClient) -> None:
    message = {"topic": "a/b", "payload": base64.b64encode(b"\xff\0").decode(), "size": 70_000, "reason": "no UTF-8"}
    assert api.post("/api/v1/quarantine", json={"messages": [message]}).json()["quarantined"] == 1
    (entry,) = api.get("/api/v1/quarantine").json()["entries"]
    assert (entry["size"], entry["reason"]) == (70_000, "no UTF-8")


def test_a_database_that_is_away_is_told_without_where_it_is(
    api: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DatabaseError("database postgresql://floor@10.0.0.7/floor: connection refused")

    monkeypatch.setattr(store, "read", away)
    monkeypatch.setattr(store, "put_readings", away)
    for answer in (api.get("/api/v1/stations"), api.post("/api/v1/readings", json={"readings": []})):
        assert "10.0.0.7" not in told(answer, 503, "database-away")
        assert answer.headers["retry-after"] == "1"
    health = api.get("/api/v1/health")
    assert (health.status_code, health.json()) == (
        503,
        {"status": "database not ok", "parts": {"database": "away"}},
    )


def test_metrics_are_what_Prometheus_reads(api: TestClient) -> None:
    put(api, fields(0), fields(0), fields(1, unit="F"))
    found = {family.name: family.samples[0].value for family in text_string_to_metric_families(api.get("/metrics").text)}
    assert found["floorsense_storage_stored"] == found["floorsense_storage_repeated"] == 1
    assert found["floorsense_storage_quarantined"] == 1


@pytest.mark.parametrize("text", ["8080", "localhost", "127.0.0.1:99999", "plant.example:80", ":80", "127.0.0.1:-1"])
def test_an_address_that_is_none_is_a_wrong_use(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--listen "):
        Listen.parse(text)


def test_a_port_that_is_taken_is_said(store: Store) -> None:
    with WebServer(create_app(store), Listen("127.0.0.1", 0)) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(UsageError, match="somebody listens there already"):
            WebServer(create_app(store), Listen("127.0.0.1", port))


# ---- the document


def test_every_answer_is_one_that_the_document_promises(store: Store) -> None:
    document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", create_app(store))
    tried = []
    for found in document.get_all_operations():
        operation = found.ok()
        tried.append(operation.path)

        @settings(max_examples=25, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy(generation_mode=GenerationMode.NEGATIVE) | operation.as_strategy())
        def hold(case: Any) -> None:
            # What a filter or a step may be goes beyond what a schema can say.
            case.call_and_validate(excluded_checks=[positive_data_acceptance])

        hold()
    assert {"/api/v1/readings", "/api/v1/series", "/api/v1/stations/{site}/{floor}/{machine}", "/metrics"} <= set(tried)
