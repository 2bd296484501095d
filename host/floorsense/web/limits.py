"""What holds for every request and answer, below the app: how large a body may be, and that nobody keeps what is told."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from floorsense.web.failures import answer

# Bytes: a thousand readings with all their features are half a megabyte.
MAX_BODY = 4 * 1024 * 1024


# What the plant says is for whoever asked, and is no page.
_PRIVATE = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))


class PrivateAnswers:
    """Headers that an answer has where it does not say otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def private(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                said = {name.lower() for name, _ in headers}
                message = {**message, "headers": headers + [one for one in _PRIVATE if one[0] not in said]}
            await send(message)

        await self._app(scope, receive, private if scope["type"] == "http" else send)


class BodyLimit:
    def __init__(self, app: ASGIApp, most: int = MAX_BODY) -> None:
        self._app = app
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        text = f"the body has more than {self._most} bytes; send less at once"
        said = dict(scope["headers"]).get(b"content-length", b"")
        if said.isdigit() and int(said[:20]) > self._most:
            await answer(413, "too-large", text)(scope, receive, send)
            return
        received = 0

        async def limited() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most:
                raise HTTPException(413, text)
            return message

        await self._app(scope, limited, send)
