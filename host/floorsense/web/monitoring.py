"""How the service itself is: health for whoever restarts it, metrics for Prometheus."""

from collections.abc import Callable, Iterable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import text

from floorsense.errors import DatabaseError
from floorsense.storage import Store
from floorsense.web import models
from floorsense.web.doors import VIEWER, require
from floorsense.web.failures import RESPONSES
from floorsense.web.intake import store_of

router = APIRouter(tags=["monitoring"], responses=RESPONSES)

Word = Callable[[], str]
"""A part's own word about itself: "ok", or what is wrong."""

Figures = Callable[[], dict[str, float]]
"""Name to value; one that ends in ``_total`` only grows."""


@router.get("/api/v1/health", response_model=models.Health, responses={503: {"model": models.Health}})
def get_health(request: Request) -> JSONResponse:
    """ok, or 503 and which part is not. Open to everybody: it tells nothing of the plant."""
    parts = {"database": _ask(store_of(request))}
    parts |= {name: word() for name, word in request.app.state.words.items()}
    bad = [name for name, word in parts.items() if word != "ok"]
    status = "ok" if not bad else f"{', '.join(bad)} not ok"
    return JSONResponse({"status": status, "parts": parts}, 503 if bad else 200)


@router.get("/metrics", response_class=PlainTextResponse, dependencies=[require(VIEWER)])
def get_metrics(request: Request) -> PlainTextResponse:
    """Counters and gauges as Prometheus reads them."""
    registry = CollectorRegistry()
    registry.register(_Figures(store_of(request), request.app.state.figures))
    return PlainTextResponse(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Figures(Collector):
    def __init__(self, store: Store, figures: Iterable[Figures]) -> None:
        self._store = store
        self._figures = figures

    def collect(self) -> Iterable[Metric]:
        counts = self._store.counts
        texts = {
            "stored": "Readings stored",
            "repeated": "Readings that were stored already",
            "quarantined": "Messages sent to quarantine",
            "states": "Status and health messages kept",
        }
        for name, what in texts.items():
            yield CounterMetricFamily(f"floorsense_storage_{name}", f"{what}, since the start.", value=counts[name])
        for figures in self._figures:
            for name, value in figures().items():
                kind: Any = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
                yield kind(f"floorsense_{name.removesuffix('_total')}", name.replace("_", " "), value=value)


def _ask(store: Store) -> str:
    try:
        store.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    except DatabaseError:
        return "away"
    return "ok"
