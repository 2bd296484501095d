"""The app: the storage API's routes, their failures and limits. Alerts and dashboard add their routers to it."""

from fastapi import FastAPI

from floorsense import __version__
from floorsense.storage import Store
from floorsense.web import failures, history, intake, monitoring
from floorsense.web.limits import BodyLimit
from floorsense.web.monitoring import Figures, Word


def create_app(store: Store) -> FastAPI:
    """The API over an open ``store``. ``app.state.words`` and ``.figures`` take what other parts say of themselves."""
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
    app.state.words = words
    app.state.figures = figures
    failures.install(app)
    app.add_middleware(BodyLimit)
    for router in (intake.router, history.router, monitoring.router):
        app.include_router(router)
    return app
