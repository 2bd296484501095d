"""The live view: what was stored, told to browsers as it comes, by WebSocket, or by events where that is blocked."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Query, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection

from floornode.contract.reading import quality
from floornode.contract.topics import STATUS
from floorsense.alerts import alarms
from floorsense.alerts.alarms import Alarm
from floorsense.alerts.rules import SEVERITIES
from floorsense.errors import DatabaseError
from floorsense.feed import Feed
from floorsense.storage import Arrival, State, Store, Unfit
from floorsense.topic_filter import fault_of_filter, matches
from floorsense.web.doors import VIEWER, Doors, require
from floorsense.web.failures import Failure
from floorsense.web.zones import Zones

router = APIRouter(prefix="/api/v1/live", tags=["live"])

# Messages that wait for one browser; some seconds of a busy factory.
CAPACITY = 5000
MOST_VIEWERS = 200
_MOST_TOPICS = 10_000
_LOOK_S = 1.0
# A browser that asks for messages together gets what waits for it as one, but no more than so many.
_MOST_TOGETHER = 500
# A browser that takes nothing for so long is gone.
_STUCK_S = 20.0
# So often it is asked whether who looks still may: a login ends, and somebody may be removed.
_ASK_AGAIN_S = 30.0
_MOST_ASKED = 1000


class Viewer:
    """One browser: its filter, and what waits for it. ``dropped`` counts what gave way since it was last told."""

    def __init__(self, pattern: str, capacity: int = CAPACITY) -> None:
        self.dropped = 0
        # The same since it came.
        self.lost = 0
        self.is_together = False
        self._pattern = pattern
        self._known: dict[str, bool] = {}
        self._waiting: deque[str] = deque()
        self._capacity = capacity
        self._came = asyncio.Event()

    def narrow(self, pattern: str) -> None:
        self._pattern = pattern
        self._known = {}

    def offer(self, topic: str | None, text: str) -> None:
        """``topic`` None: for everybody."""
        if topic is not None:
            wanted = self._known.get(topic)
            if wanted is None:
                if len(self._known) >= _MOST_TOPICS:
                    self._known = {}
                wanted = self._known[topic] = matches(self._pattern, topic)
            if not wanted:
                return
        if len(self._waiting) >= self._capacity:
            self._waiting.popleft()
            self.drop(1)
        self._waiting.append(text)
        self._came.set()

    def drop(self, count: int) -> None:
        self.dropped += count
        self.lost += count

    async def take(self, timeout_s: float) -> list[str]:
        """What waits, and first how much of it gave way; [] after ``timeout_s`` without anything."""
        try:
            await asyncio.wait_for(self._came.wait(), timeout_s)
        except TimeoutError:
            return []
        self._came.clear()
        texts = list(self._waiting)
        self._waiting.clear()
        if self.dropped:
            texts.insert(0, json.dumps({"type": "dropped", "count": self.dropped}))
            self.dropped = 0
        if self.is_together:
            parts = (texts[at : at + _MOST_TOGETHER] for at in range(0, len(texts), _MOST_TOGETHER))
            return [f"[{','.join(part)}]" for part in parts]
        return texts


class Live:
    """What all viewers share: one look at the feed, each message written once. It runs while somebody looks."""

    def __init__(self, store: Store, zones: Zones, feed: Feed) -> None:
        """``feed``: readings and states as they come; alarms are looked for in ``store`` besides."""
        self.sent = 0
        self.dropped = 0
        self._store = store
        self._feed = feed
        self._zones = zones
        self._viewers: set[Viewer] = set()
        self._open: dict[int, Alarm] = {}
        self._worst: dict[str, str] = {}
        self._pump: asyncio.Task[None] | None = None

    def join(self, viewer: Viewer) -> None:
        if len(self._viewers) >= MOST_VIEWERS:
            raise Failure(503, "too-many", f"{MOST_VIEWERS} browsers look already")
        self._viewers.add(viewer)
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._run())

    def leave(self, viewer: Viewer) -> None:
        self._viewers.discard(viewer)
        self.dropped += viewer.lost

    def figures(self) -> dict[str, float]:
        """For metrics."""
        dropped = self.dropped + sum(viewer.lost for viewer in self._viewers)
        return {"live_viewers": len(self._viewers), "live_messages_total": self.sent, "live_dropped_total": dropped}

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        came = asyncio.Event()
        self._open = {}
        self._worst = {}
        looked, since = 0.0, 0
        with self._feed.subscribe(lambda: loop.call_soon_threadsafe(came.set)) as subscription:
            while self._viewers:
                if time.monotonic() - looked > _LOOK_S:
                    # Those of other processes, and what people acknowledged.
                    looked = time.monotonic()
                    since = await self._look(since)
                try:
                    await asyncio.wait_for(came.wait(), _LOOK_S)
                except TimeoutError:
                    continue
                came.clear()
                self._hand_on(subscription.take())
                if subscription.missed:
                    for viewer in self._viewers:
                        viewer.drop(subscription.missed)
                    subscription.missed = 0

    async def _look(self, since: int) -> int:
        try:
            if since == 0:
                found = await run_in_threadpool(self._store.read, alarms.still_open)
            else:
                found = await run_in_threadpool(self._store.read, lambda c: alarms.changed_since(c, since))
        except (DatabaseError, Unfit):
            return since
        self._hand_on(one for one in found if self._open.get(one.id) != one and (since or one.cleared_at is None))
        return max([one.changed_at for one in found], default=max(since, 1))

    def _hand_on(self, items: Iterable[Any]) -> None:
        for item in items:
            if isinstance(item, Arrival):
                topic, told = item.topic, self._reading(item)
            elif isinstance(item, State):
                if item.leaf != STATUS:
                    continue
                topic = f"{item.machine}/{STATUS}"
                told = {"type": "station", "station": item.machine, "status": item.fields["status"], "arrived": item.arrived}
            elif isinstance(item, Alarm):
                topic, told = item.cause, {"type": "alarm"} | item.as_dict()
                self._note(item)
            else:
                continue
            text = json.dumps(told, separators=(",", ":"))
            self.sent += 1
            for viewer in self._viewers:
                # An alarm is for everybody: a filter hides values, and no danger.
                viewer.offer(None if isinstance(item, Alarm) else topic, text)

    def _note(self, alarm: Alarm) -> None:
        if alarm.cleared_at is None:
            self._open[alarm.id] = alarm
        else:
            self._open.pop(alarm.id, None)
        machine = alarm.machine
        mine = [SEVERITIES.index(one.severity) for one in self._open.values() if one.machine == machine]
        if mine:
            self._worst[machine] = SEVERITIES[max(mine)].upper()
        else:
            self._worst.pop(machine, None)

    def _reading(self, arrival: Arrival) -> dict[str, Any]:
        station, _, kind = arrival.topic.rpartition("/")
        reading = arrival.reading
        value = arrival.value
        told = {
            "type": "reading",
            "machine": station.rpartition("/")[2],
            "station": station,
            "topic": arrival.topic,
            "quantity": kind,
            "value": value,
            "unit": reading.quantity.unit,
            "status": self._worst.get(station, "OK"),
            "quality": quality(reading.flags),
            "ts": arrival.ts,
            "arrived": arrival.arrived,
            "sent": _now(),
        }
        if kind == "temperature":
            told["temp"] = value
        if letter := self._zones.find(arrival.topic, reading.quantity, reading.value):
            told["zone"] = letter
        return told


def live_of(connection: HTTPConnection) -> Live:
    live: Live = connection.app.state.live
    return live


@router.websocket("/ws")
async def watch(socket: WebSocket) -> None:
    """Messages as they come. The browser may send ``{"filter": "factory/#"}``, ``{"together": true}`` for arrays of messages
    instead of one each, and ``{"ping": ...}``, which comes back."""
    doors: Doors = socket.app.state.doors
    viewer = Viewer("#")
    live = live_of(socket)
    try:
        await doors.admit(socket, VIEWER)
        await socket.accept()
        live.join(viewer)
    except Failure as error:
        await socket.close(1008 if error.status < 500 else 1013, error.message)
        return
    listener = asyncio.create_task(_listen(socket, viewer))
    asked = time.monotonic()
    try:
        while not listener.done():
            if time.monotonic() - asked > _ASK_AGAIN_S:
                asked = time.monotonic()
                await _ask_again(doors, socket)
            for text in await viewer.take(0.5):
                await asyncio.wait_for(socket.send_text(text), _STUCK_S)
    except (WebSocketDisconnect, RuntimeError, TimeoutError):
        # Gone, or as good as gone.
        pass
    except Failure as error:
        await socket.close(1008, error.message)
    finally:
        live.leave(viewer)
        listener.cancel()


async def _ask_again(doors: Doors, connection: HTTPConnection) -> None:
    """Raises Failure. A database that is away says nothing of anybody."""
    with suppress(DatabaseError):
        await doors.admit(connection, VIEWER)


async def _listen(socket: WebSocket, viewer: Viewer) -> None:
    """What the browser says. One that talks nonsense, or without end, is hung up on."""
    since, count = time.monotonic(), 0
    try:
        while True:
            text = await socket.receive_text()
            count += 1
            if time.monotonic() - since > 10:
                since, count = time.monotonic(), 0
            said = _parsed(text)
            if count > 100 or said is None:
                await socket.close(1008, 'say {"filter": ...} or {"ping": ...}, ten times a second at most')
                return
            if "filter" in said:
                pattern = said["filter"]
                fault = fault_of_filter(pattern) if isinstance(pattern, str) else "a filter is text"
                if fault is None:
                    viewer.narrow(pattern)
                viewer.offer(None, json.dumps({"type": "filter", "filter": pattern if fault is None else None, "fault": fault}))
            if "together" in said:
                viewer.is_together = said["together"] is True
            if "ping" in said:
                viewer.offer(None, json.dumps({"type": "pong", "ping": said["ping"], "now": _now()}))
    except (WebSocketDisconnect, RuntimeError, KeyError):
        return


def _parsed(text: str) -> dict[str, Any] | None:
    if len(text) > _MOST_ASKED:
        return None
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or not isinstance(said.get("ping", 0), (int, float)):
        return None
    return said


# Not in the OpenAPI document: it has no way to say that an answer never ends.
@router.get("/events", include_in_schema=False, response_class=StreamingResponse, dependencies=[require(VIEWER)])
async def stream(
    request: Request, topic: str = Query("#", alias="filter", max_length=_MOST_ASKED, description="An MQTT topic filter.")
) -> StreamingResponse:
    """The same messages as server-sent events."""
    if fault := fault_of_filter(topic):
        raise Failure(422, "invalid", f"query.filter: {fault}")
    viewer = Viewer(topic)
    live = live_of(request)
    doors: Doors = request.app.state.doors
    live.join(viewer)

    async def tell() -> AsyncIterator[str]:
        try:
            yield f"data: {json.dumps({'type': 'hello', 'now': _now()})}\n\n"
            asked = time.monotonic()
            while not await request.is_disconnected():
                if time.monotonic() - asked > _ASK_AGAIN_S:
                    asked = time.monotonic()
                    await _ask_again(doors, request)
                texts = await viewer.take(5.0)
                # A comment keeps proxies from ending a stream in which nothing comes.
                yield "".join(f"data: {text}\n\n" for text in texts) or ": nothing new\n\n"
        except Failure:
            return
        finally:
            live.leave(viewer)

    return StreamingResponse(tell(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


def _now() -> int:
    return int(time.time() * 1000)
