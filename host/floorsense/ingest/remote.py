"""The storage over its REST API, for an ingester that is a process of its own."""

import base64
import ipaddress
import json
import os
import ssl
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx2 as httpx

from floornode.contract import mark
from floornode.contract.payload import encode
from floorsense.errors import DatabaseError, UsageError
from floorsense.secret import Secret, read_secret
from floorsense.storage import Arrival, Refused, State, Unfit, Written

PASSWORD_VARIABLE = "FLOORSENSE_API_PASSWORD"
_TIMEOUT_S = 30
_MOST_ASKED = 500
# Their time comes again; any other refusal stays one.
_AWAY = (408, 425, 429)


class RemoteStore:
    """What an ``Ingester`` asks of a storage, asked of the API at ``url``. Close it in the end."""

    def __init__(self, url: str, password: Path | None = None, ca: Path | None = None, is_plain: bool = False) -> None:
        """``url`` may name a user, an operator there; the password is in the environment, else in the file ``password``.

        ``ca``: PEM file of the CA that signed the API's certificate. ``is_plain``: a password may travel without TLS beyond
        this machine. Raises UsageError for what is no address of an API, and for a password that cannot be had.
        """
        try:
            parsed = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            parsed = httpx.URL("")
        name, colon, _ = parsed.userinfo.decode(errors="replace").partition(":")
        if colon:
            raise UsageError(f"--api: a password there is seen by everybody on this machine; set {PASSWORD_VARIABLE} instead")
        if parsed.scheme not in ("http", "https") or not parsed.host or parsed.query or parsed.fragment:
            raise UsageError("--api: write http://HOST:PORT or https://[USER@]HOST:PORT of a floorsense api")
        self.url = str(parsed.copy_with(username=None, password=None)).rstrip("/")
        auth = None
        if name:
            if parsed.scheme == "http" and not is_plain and not _is_loopback(parsed.host):
                raise UsageError(f"--api {self.url}: the password would travel in the clear; use https://, or say --plain")
            secret = _password(password)
            auth = httpx.BasicAuth(unquote(name), secret.reveal())
        elif password is not None:
            raise UsageError("--api-password: a password of whom? write https://USER@HOST:PORT")
        # No proxy of the environment's: the API is of this plant.
        self._client = httpx.Client(
            base_url=self.url,
            timeout=_TIMEOUT_S,
            headers={"content-type": "application/json"},
            auth=auth,
            verify=_trust(ca, parsed.scheme),
            trust_env=False,
        )

    def close(self) -> None:
        self._client.close()

    def check(self) -> None:
        """Raises DatabaseError where no storage API answers, or it does not let us in."""
        try:
            self._post("/api/v1/readings", b'{"readings":[]}')
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


def _password(path: Path | None) -> Secret:
    if known := os.environ.get(PASSWORD_VARIABLE):
        return Secret(known)
    if path is None:
        raise UsageError(f"--api: its user needs a password: set {PASSWORD_VARIABLE}, or give --api-password FILE (mode 600)")
    return read_secret(path)


def _trust(ca: Path | None, scheme: str) -> ssl.SSLContext | bool:
    if ca is None:
        return True
    if scheme != "https":
        raise UsageError("--api-ca goes with https://; http:// checks no certificate")
    try:
        return ssl.create_default_context(cafile=str(ca))
    except OSError as error:
        text = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(f"--api-ca {ca}: {text}; give a PEM file of the CA that signed the API's") from error


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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
