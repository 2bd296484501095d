"""The dashboard's page and what it is made of, all from this process: nothing is fetched from elsewhere."""

from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

from floorsense.web.doors import VIEWER, require
from floorsense.web.failures import Failure

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "page"
_KINDS = {"floor.css": "text/css"} | dict.fromkeys(
    ("floor.js", "text.js", "link.js", "machines.js", "sparkline.js", "alarms.js", "detail.js", "login.js"), "text/javascript"
)
_HEADERS = {
    # Plotly writes style sheets of its own, and pictures of its charts.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.get("/")
def get_page() -> Response:
    """Open to everybody: it holds nothing of the plant, and sends whoever is not known to the login."""
    return _answer("index.html", "text/html")


@router.get("/login")
def get_login() -> Response:
    return _answer("login.html", "text/html")


@router.get("/page/plotly.js", dependencies=[require(VIEWER)])
def get_plotly() -> Response:
    return Response(_plotly(), media_type="text/javascript", headers=_HEADERS | {"Cache-Control": "private, max-age=86400"})


@router.get("/page/{name}")
def get_part(name: str) -> Response:
    if name not in _KINDS:
        raise Failure(404, "not-found", "there is no such part of the page")
    return _answer(name, _KINDS[name])


def _answer(name: str, kind: str) -> Response:
    return Response((_FOLDER / name).read_bytes(), media_type=kind, headers=_HEADERS)


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
