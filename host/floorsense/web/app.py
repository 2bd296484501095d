"""The app: storage API, alarms, live view and the dashboard's page, with their failures, doors and limits."""

from fastapi import FastAPI

from floorsense import __version__
from floorsense.alerts.rules import Rules, default_rules
from floorsense.feed import Feed
from floorsense.storage import Store
from floorsense.web import alarms, failures, history, intake, live, login, monitoring, page
from floorsense.web.doors import Doors
from floorsense.web.limits import BodyLimit, PrivateAnswers
from floorsense.web.live import Live
from floorsense.web.monitoring import Figures, Word
from floorsense.web.zones import Zones


def create_app(
    store: Store,
    rules: Rules | None = None,
    doors: Doors | None = None,
    feed: Feed | None = None,
    takes_in: bool = True,
) -> FastAPI:
    """The API over an open ``store``; ``rules`` say which zones the live view tells of, ``doors`` who may do what.

    ``feed``: what the live view shows, where that is not what ``store`` takes in. ``takes_in``: whether readings may be posted.
    ``app.state.words`` and ``.figures`` take what other parts say of themselves."""
    app = FastAPI(
        title="floorsense storage API",
        version=__version__,
        description="Readings of factory sensor boards: stored once, told by series; boards and their last known state.",
        # Swagger's page fetches its scripts from elsewhere, which a plant's network does not let through.
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )
    app.state.store = store
    words: dict[str, Word] = {}
    figures: list[Figures] = []
    app.state.zones = Zones(rules or default_rules())
    app.state.live = Live(store, app.state.zones, feed or store.feed)
    app.state.doors = doors or Doors()
    app.state.words = words
    figures.append(app.state.live.figures)
    app.state.figures = figures
    failures.install(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(PrivateAnswers)
    for room in (*([intake] if takes_in else []), history, monitoring, alarms, live, login, page):
        app.include_router(room.router)
    return app
