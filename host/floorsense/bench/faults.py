"""The faults that a bench can be given: one table, from the word to what it does.

A row acts on the **link** between boards and broker (``link``), on the **broker**'s process (``broker``), or on the
**boards**: their processes, their flash, their ``simulation.json`` (``farm``). What it does there is in ``acts``. To add a
fault, add a row; the command line, its help and the verdict follow.
"""

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from floorsense.bench import acts, sensor_dead
from floorsense.bench.acts import Act, Fault
from floorsense.bench.plan import BoardPlan, outlast
from floorsense.errors import UsageError

LINK = "link"
BROKER = "broker"
BOARDS = "boards"

# Whether a fault has a FOR. Without one it is over as soon as it was done.
NEEDED = "needed"
ALLOWED = "allowed"
NONE = "none"

POWER_CUT = "power-cut"
FLASH_FULL = "flash-full"
STORAGE_AWAY = "storage-away"
TLS_EXPIRED = "tls-expired"

LATE_S = 0.5
# How long at least a bench goes on after a fault, so that it can be seen whether delivery resumes.
_AFTER_S = 2


@dataclass(frozen=True)
class Kind:
    """One row.

    - ``what`` it does, for people; ``acts_on``: LINK, BROKER or BOARDS; ``span``: whether it has a FOR.
    - ``begin`` and ``end`` do it, in a thread of their own; a FloorsenseError is reported, and the bench goes on.
    - ``prepare`` changes a board's plan before it starts, for what must be in its files from the beginning.
    - ``excuses``: kinds of findings that are no faults when this was asked for, each with the QoS from which on (0: all).
    - ``witness`` hears every reading, and judges what the boards made of the fault.
    - ``forgets``: the broker may lose what it had acknowledged, and that is nobody's fault but its own.
    """

    acts_on: str
    what: str
    begin: Act
    end: Act = acts.nothing
    span: str = NEEDED
    prepare: Callable[[BoardPlan, Fault], BoardPlan] = acts.as_it_is
    excuses: Mapping[str, int] = field(default_factory=dict)
    forgets: bool = False
    witness: Callable[[Sequence[BoardPlan]], "sensor_dead.DeadSensors"] | None = None


KINDS = {
    "broker-down": Kind(BROKER, "the broker is stopped, and started again", acts.stop_broker, acts.bring_broker_back),
    "broker-kill": Kind(
        BROKER,
        "the broker is killed, with all it had not written to disk, and started again",
        acts.kill_broker,
        acts.bring_broker_back,
        # A broker that forgot the session knows no repetition (section 4.3.3), so QoS 2 may bring one.
        excuses={"repeated": 2},
        forgets=True,
    ),
    "blackhole": Kind(
        LINK,
        "nothing passes and nobody is told; what was sent arrives when it is over",
        lambda stage, _: stage.link.hold(),
        lambda stage, _: stage.link.release(),
    ),
    "half-open": Kind(
        LINK,
        "the connections of the moment die for good, and nobody is told; new ones wait until it is over",
        acts.half_open,
        lambda stage, _: stage.link.release(),
        span=ALLOWED,
    ),
    "reset": Kind(
        LINK,
        "every connection is reset; for FOR, new ones too, after their first packet",
        acts.reset,
        lambda stage, _: stage.link.reset_new(False),
        span=ALLOWED,
    ),
    "delay": Kind(
        LINK,
        f"every packet takes {LATE_S:g} s more, each way",
        lambda stage, _: stage.link.delay(LATE_S),
        lambda stage, _: stage.link.delay(0),
    ),
    "loss-of-acks": Kind(
        LINK,
        "no PUBACK, PUBREC or PUBCOMP reaches a board",
        lambda stage, _: stage.link.lose_acknowledgements(True),
        lambda stage, _: stage.link.lose_acknowledgements(False),
        # A broker passes a QoS 2 message on when it is released: one whose PUBREC was lost comes after later ones.
        excuses={"disorder": 2},
    ),
    "truncate": Kind(
        LINK,
        "every connection is closed in the middle of a packet; for FOR, new ones too, each in another",
        acts.cut,
        lambda stage, _: stage.link.cut_new(False),
        span=ALLOWED,
    ),
    "duplicate-id": Kind(
        LINK,
        "a second client has each board's id; for FOR, it comes back whenever it was thrown out",
        acts.duplicate,
        acts.leave_alone,
        span=ALLOWED,
    ),
    TLS_EXPIRED: Kind(
        LINK,
        "boards speak TLS from the start; every connection is reset, and new ones are shown a certificate that has expired",
        acts.expire,
        acts.renew,
    ),
    POWER_CUT: Kind(
        BOARDS,
        "every board loses its power, with all it had in RAM; when it is over they start anew, from what was on flash",
        lambda stage, _: stage.farm.cut_power(),
        lambda stage, _: stage.farm.restore_power(),
        span=ALLOWED,
        prepare=acts.gather_briefly,
        # How far all was acknowledged is written down lazily: what was since comes once more, marked as replayed.
        excuses={"repeated": 0},
    ),
    STORAGE_AWAY: Kind(
        BOARDS,
        "the ingestion that boards with end_to_end wait for is away; beside broker-kill it finds a gap, and it is filled",
        acts.take_storage_away,
        acts.bring_storage_back,
        prepare=acts.wait_for_storage,
        # What the storage has not got is sent again, and whoever listens besides has had it.
        excuses={"repeated": 0},
    ),
    FLASH_FULL: Kind(
        BOARDS,
        "something else has filled the boards' flash: what cannot go there waits in RAM, and is dropped and counted beyond",
        acts.nothing,
        prepare=acts.fill_flash,
        # That the board says so is what was asked for; a gap is excused by that alone, and no wider than it says.
        excuses={"dropped": 0},
    ),
    "clock-step": Kind(
        BOARDS,
        "the boards' time server is an hour ahead; dates move, order and age must not",
        acts.step_clock,
        acts.step_back,
        span=ALLOWED,
        prepare=acts.ask_often,
        # Dated an hour ahead, and an hour before the reading ahead of it when that is over: so it was asked for.
        excuses={"clock": 0},
    ),
    "sensor-dead": Kind(
        BOARDS,
        "every sensor of every board stops answering, and comes back",
        sensor_dead.kill,
        sensor_dead.revive,
        prepare=sensor_dead.prepare,
        witness=sensor_dead.DeadSensors,
    ),
}


def parse_faults(given: Sequence[str], seconds: float, has_broker: bool) -> list[Fault]:
    """``KIND@AT[:FOR]`` texts as faults, in the order of their beginning.

    ``has_broker``: the broker is the bench's own. Raises UsageError with the first thing that is wrong.
    """
    found: list[Fault] = []
    for text in given:
        fault = _parse(text)
        kind = KINDS[fault.kind]
        if kind.acts_on == BROKER and not has_broker:
            raise UsageError(f"--fault {text}: only the bench's own broker can be given it; leave out --broker")
        if fault.end_s > seconds - _AFTER_S:
            ends = f"begin {fault.at_s:g}" if fault.at_s >= seconds else f"last until {fault.end_s:g}"
            raise UsageError(
                f"--fault {text}: it would {ends} s after the start, and the bench ends after {seconds:g}; "
                f"give it --seconds {math.ceil(fault.end_s) + 10}, so that delivery can resume"
            )
        for other in found:
            is_alike = other.kind == fault.kind or (kind.acts_on == BROKER and KINDS[other.kind].acts_on == BROKER)
            if is_alike and fault.at_s <= other.end_s and other.at_s <= fault.end_s:
                raise UsageError(f"--fault {text}: it overlaps with {other}; give one after the other")
        found.append(fault)
    return sorted(found, key=lambda one: one.at_s)


def prepare(boards: Sequence[BoardPlan], faults: Sequence[Fault]) -> list[BoardPlan]:
    """The boards' plans with what the faults need in them from the beginning."""
    done = []
    for board in boards:
        if faults:
            board = outlast(board)
        for fault in faults:
            board = KINDS[fault.kind].prepare(board, fault)
        done.append(board)
    return done


def form(name: str) -> str:
    """How it is written: KIND@AT, KIND@AT:FOR or KIND@AT[:FOR]."""
    return name + {NEEDED: "@AT:FOR", ALLOWED: "@AT[:FOR]", NONE: "@AT"}[KINDS[name].span]


def help_text() -> str:
    """All kinds for people, in a terminal of 80 columns."""
    lines = []
    for name, kind in KINDS.items():
        lines += [f"  {form(name)}", *textwrap.wrap(kind.what, 70, initial_indent="      ", subsequent_indent="      ")]
    return "\n".join(lines)


def _parse(text: str) -> Fault:
    name, at_sign, when = text.partition("@")
    if name not in KINDS:
        raise UsageError(f"--fault {text}: unknown kind '{name}'; known are {', '.join(KINDS)}")
    kind = KINDS[name]
    at_text, colon, for_text = when.partition(":")
    if not at_sign:
        example = f"{name}@5" if kind.span == NONE else f"{name}@5:3"
        raise UsageError(f"--fault {text}: when? write {form(name)}, in seconds, such as {example}")
    if colon and kind.span == NONE:
        raise UsageError(f"--fault {text}: {name} has no FOR; write {name}@{at_text}")
    if not colon and kind.span == NEEDED:
        raise UsageError(f"--fault {text}: for how long? write {name}@{at_text}:FOR, in seconds")
    at_s, for_s = _seconds(text, "AT", at_text), _seconds(text, "FOR", for_text) if colon else 0.0
    if colon and not for_s:
        raise UsageError(f"--fault {text}: FOR is above 0 seconds" + ("" if kind.span == NEEDED else "; or leave it out"))
    return Fault(name, at_s, for_s)


def _seconds(text: str, name: str, number: str) -> float:
    try:
        found = float(number)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 86400:
        raise UsageError(f"--fault {text}: {name} is a number of seconds up to 86400, not '{number}'")
    return found
