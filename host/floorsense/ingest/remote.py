"""The storage over its REST API, for an ingester that is a process of its own."""

import base64
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

import httpx2 as httpx

from floornode.contract import mark
from floornode.contract.payload import encode
from floorsense.errors import DatabaseError, UsageError
from floorsense.storage import Arrival, Refused, State, Unfit, Written

TOKEN_VARIABLE = "FLOORSENSE_API_TOKEN"
_TIMEOUT_S = 30
_MOST_ASKED = 500
# Their time comes again; any other refusal stays one.
_AWAY = (408, 425, 429)


class RemoteStore:
    """What an ``Ingester`` asks of a storage, asked of the API at ``url``. Close it in the end."""

    def __init__(self, url: str) -> None:
        """Raises UsageError for what is no address of an API."""
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            parsed = httpx.URL("")
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.userinfo or parsed.query or parsed.fragment:
            raise UsageError("--api: write http://HOST:PORT or https://HOST:PORT of a floorsense api")
        self.url = str(parsed).rstrip("/")
        token = os.environ.get(TOKEN_VARIABLE)
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        # No proxy of the environment's: the API is of this plant.
        self._client = httpx.Client(base_url=self.url, timeout=_TIMEOUT_S, headers=headers, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def check(self) -> None:
        """Raises DatabaseError where no storage API answers, or it does not let us in."""
        try:
            self._post("/api/v1/marks", b'{"machines":[]}')
        except Unfit as error:
            raise DatabaseError(f"api {self.url}: {error}") from error

    def put_readings(self, arrivals: Sequence[Arrival]) -> Written:
        items = (_message(one.topic, encode(one.reading).decode(errors="surrogatepass"), one.arrived) for one in arrivals)
        self._post("/api/v1/readings", _body("readings", items))
        return Written(list(arrivals))

    def put_states(self, states: Sequence[State]) -> None:
        items = (_message(f"{one.machine}/{one.leaf}", json.dumps(one.fields), one.arrived) for one in states)
        self._post("/api/v1/states", _body("states", items))

    def put_refused(self, refused: Sequence[Refused]) -> None:
        items = (
            json.dumps(
                {
                    "topic": one.topic,
                    "payload": base64.b64encode(one.payload).decode(),
                    "size": one.size,
                    "reason": one.reason[:1000],
                    "arrived": one.arrived,
                }
            )
            for one in refused
        )
        self._post("/api/v1/quarantine", _body("messages", items))

    def marks(self, machines: Iterable[str]) -> dict[str, dict[str, list[mark.Life]]]:
        wanted = sorted(set(machines))
        found: dict[str, dict[str, list[mark.Life]]] = {}
        for at in range(0, len(wanted), _MOST_ASKED):
            body = json.dumps({"machines": wanted[at : at + _MOST_ASKED]}).encode()
            answer = self._post("/api/v1/marks", body)
            found |= {machine: mark.decode(fields) for machine, fields in answer["marks"].items()}
        return found

    def machines(self) -> list[str]:
        found: list[str] = []
        after: str | None = ""
        while after is not None:
            page = self._ask("GET", "/api/v1/stations", params={"after": after, "limit": 1000})
            found += [one["machine"] for one in page["stations"]]
            after = page["next"]
        return found

    def _post(self, path: str, body: bytes) -> Any:
        return self._ask("POST", path, content=body)

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        try:
            answer = self._client.request(method, path, **more)
        except httpx.HTTPError as error:
            raise DatabaseError(f"api {self.url}: {_words(error)}") from error
        if answer.is_success:
            try:
                return answer.json()
            except ValueError as error:
                raise DatabaseError(f"api {self.url}: it is no floorsense api; its answer is no JSON") from error
        text = f"api {self.url}: {_told(answer)}"
        if answer.status_code >= 500 or answer.status_code in _AWAY or answer.status_code in (401, 403, 404, 405):
            # Also where we are not let in, or it is something else that listens there: no reading is at fault for that.
            raise DatabaseError(text)
        raise Unfit(text)


def _message(topic: str, payload: str, arrived: int) -> str:
    return f'{{"topic":{json.dumps(topic)},"payload":{payload},"arrived":{arrived}}}'


def _body(name: str, items: Iterable[str]) -> bytes:
    return f'{{"{name}":[{",".join(items)}]}}'.encode(errors="surrogatepass")


def _told(answer: httpx.Response) -> str:
    try:
        error = answer.json()["error"]
        return f"{answer.status_code} {error['code']}: {error['message']}"
    except (ValueError, KeyError, TypeError):
        return f"it answered {answer.status_code}; is it a floorsense api?"


def _words(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "connection refused; is `floorsense api` or `serve` running there?" if "refused" in str(error) else str(error)
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
