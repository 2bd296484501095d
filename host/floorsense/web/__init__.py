"""What is spoken to over HTTP: the storage API, and the app that other rooms add their routes to."""

from floorsense.web.app import create_app

__all__ = ["create_app"]
