"""What the API takes and gives. Times are Unix milliseconds throughout, but within a payload, which is the contract's."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_TOPIC = 260
MAX_ITEMS = 5000
# 2100: as far as the contract's times go.
MAX_MS = 4_102_444_800_000

Ms = Annotated[int, Field(ge=0, le=MAX_MS, strict=True)]
TopicName = Annotated[str, Field(min_length=1, max_length=MAX_TOPIC)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Message(Strict):
    """One MQTT message: its topic, its payload as JSON, and when it arrived; now, where that is left out."""

    topic: TopicName
    payload: dict[str, Any]
    arrived: Ms | None = None


class Readings(Strict):
    readings: Annotated[list[Message], Field(max_length=MAX_ITEMS)]


class States(Strict):
    states: Annotated[list[Message], Field(max_length=MAX_ITEMS)]


class RefusedMessage(Strict):
    """``payload`` is in base64, for what was refused need not be text; ``size`` is how long it was, where it is a beginning."""

    topic: Annotated[str, Field(max_length=65535)]
    payload: Annotated[str, Field(max_length=200_000, pattern=r"^[A-Za-z0-9+/]*={0,2}$")]
    size: Annotated[int, Field(ge=0, le=2**31, strict=True)] | None = None
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    arrived: Ms | None = None


class RefusedMessages(Strict):
    messages: Annotated[list[RefusedMessage], Field(max_length=MAX_ITEMS)]


class Machines(Strict):
    machines: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=MAX_ITEMS)]


class Refusal(BaseModel):
    topic: str
    reason: str


class Accepted(BaseModel):
    """``refused``: the first hundred of the ``quarantined``, with their reasons."""

    stored: int
    repeated: int
    quarantined: int
    refused: list[Refusal]


class Marks(BaseModel):
    """Each machine's mark as it is published: docs/contract.md has its form."""

    marks: dict[str, dict[str, Any]]


class RawSeries(BaseModel):
    """Columns of equal length. ``truncated``: there are more up to ``to``; ask on from the last ``ts``."""

    topic: str
    unit: str
    truncated: bool
    ts: list[int]
    value: list[float | None]
    boot: list[int | None]
    seq: list[int | None]
    quality: list[list[str]]
    more: list[dict[str, Any] | None]


class DownsampledSeries(BaseModel):
    """Columns of equal length; ``ts`` is the beginning of each step. Steps without readings are left out."""

    topic: str
    unit: str
    truncated: bool
    ts: list[int]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    count: list[int]
    faults: list[int]


class SeriesAnswer(BaseModel):
    """``step`` is 0 for raw readings. ``truncated``: more topics match than were asked for."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(alias="from")
    to: int
    step: int
    truncated: bool
    series: list[RawSeries | DownsampledSeries]


class LatestReading(BaseModel):
    """``missing``: readings of the latest boot that have not come. ``zone``: ISO 20816-3's letter, where a rule says which."""

    topic: str
    unit: str
    ts: int
    value: float | None
    quality: list[str]
    boot: int | None
    seq: int | None
    missing: int
    more: dict[str, Any] | None
    zone: str | None


class Station(BaseModel):
    """``status``: online, lost or stopped; null while none was heard. ``changed``: when it was. ``latest``: by topic."""

    machine: str
    status: str | None
    boot: int | None
    ts: int | None
    changed: int | None
    birth: dict[str, Any] | None
    health: dict[str, Any] | None
    health_at: int | None
    latest: list[LatestReading]


class Stations(BaseModel):
    """``next``: give it as ``after`` for those that follow; null at the end."""

    stations: list[Station]
    next: str | None


class QuarantineEntry(BaseModel):
    """A refused message: the beginning of its payload, how long it was, and how often it came."""

    id: int
    topic: str
    reason: str
    payload: str
    size: int
    times: int
    first_at: int
    last_at: int


class Quarantine(BaseModel):
    entries: list[QuarantineEntry]
    next: int | None


class Health(BaseModel):
    """``status``: ok, or why not. ``parts``: each part's own word."""

    status: str
    parts: dict[str, str]
