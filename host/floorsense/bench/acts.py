"""What the faults of a bench do, each to the stage it finds: the link, the broker's process, the boards, what is around them.

``begin`` and ``end`` of a row in ``faults.KINDS`` are calls of here, and so is its ``prepare``, which changes a board's plan
before it starts. What needs more than a call or two is a module of its own beside this one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from floorsense.bench.duplicate import Duplicates
from floorsense.bench.farm import Farm
from floorsense.bench.link import Link
from floorsense.bench.plan import BoardPlan, keep_until_stored, take_time
from floorsense.bench.storeroom import Storeroom
from floorsense.bench.time_server import TimeServer
from floorsense.broker import LocalBroker
from floorsense.errors import BoardError, BrokerError
from floorsense.listener import Listener

STEP_S = 3600
# For how long boards gather a block where a fault is about their flash.
GATHER_S = 2
# What their RAM holds where the flash is full.
FEW_READINGS = 40
# What the bench's listener may take to be back at a broker that has started again.
_BACK_S = 10


@dataclass
class Stage:
    """What a fault can act on. ``broker``: None where it is somebody else's; ``clock``: what tells the boards the time;
    ``storeroom``: where their readings are stored, for the faults that need one."""

    farm: Farm
    link: Link
    broker: LocalBroker | None
    listener: Listener
    duplicates: Duplicates = field(default_factory=Duplicates)
    clock: TimeServer | None = None
    storeroom: Storeroom | None = None


@dataclass(frozen=True)
class Fault:
    """``kind`` at ``at_s`` seconds after all boards are up, for ``for_s`` seconds."""

    kind: str
    at_s: float
    for_s: float

    @property
    def end_s(self) -> float:
        return self.at_s + self.for_s

    def __str__(self) -> str:
        return f"{self.kind}@{self.at_s:g}" + (f":{self.for_s:g}" if self.for_s else "")


Act = Callable[[Stage, Fault], None]


def nothing(_stage: Stage, _fault: Fault) -> None:
    pass


def as_it_is(board: BoardPlan, _fault: Fault) -> BoardPlan:
    return board


def stop_broker(stage: Stage, _fault: Fault) -> None:
    assert stage.broker is not None
    # Shut first: with no broker behind it the link would take a connection and then drop it.
    stage.link.refuse()
    stage.broker.stop()


def kill_broker(stage: Stage, _fault: Fault) -> None:
    assert stage.broker is not None
    stage.link.refuse()
    stage.broker.kill()


def bring_broker_back(stage: Stage, _fault: Fault) -> None:
    assert stage.broker is not None
    stage.broker.start()
    # We come first: what boards deliver before we listen again could not be told from a loss.
    is_back = stage.listener.wait_until_hearing(_BACK_S)
    stage.link.admit()
    if not is_back:
        raise BrokerError(f"the bench could not listen again within {_BACK_S} s; the boards were let in all the same")


def half_open(stage: Stage, _fault: Fault) -> None:
    stage.link.hold()
    stage.link.abandon()


def reset(stage: Stage, fault: Fault) -> None:
    stage.link.reset_new(fault.for_s > 0)
    stage.link.reset()


def cut(stage: Stage, fault: Fault) -> None:
    stage.link.cut_new(fault.for_s > 0)
    stage.link.cut()


def expire(stage: Stage, _fault: Fault) -> None:
    stage.link.expire(True)
    stage.link.reset()


def renew(stage: Stage, _fault: Fault) -> None:
    """Raises BoardError for boards that took the expired certificate."""
    credulous = [one.decode(errors="replace") for one in stage.link.client_ids()]
    stage.link.expire(False)
    if credulous:
        raise BoardError(f"connected in spite of it: {', '.join(credulous)}")


def duplicate(stage: Stage, fault: Fault) -> None:
    stage.duplicates.begin(stage.link.broker, stage.link.client_ids(), returns=fault.for_s > 0)


def leave_alone(stage: Stage, fault: Fault) -> None:
    # Without a FOR it came once, and stays until the board throws it out.
    if fault.for_s:
        stage.duplicates.end()


def ask_often(board: BoardPlan, _fault: Fault) -> BoardPlan:
    """A board learns of a step when it asks: RFC 4330 wants 15 s of it, of this server of our own we take one."""
    return take_time(board, board.settings["time"]["port"], 1) if "port" in board.settings["time"] else board


def gather_briefly(board: BoardPlan, _fault: Fault) -> BoardPlan:
    """A minute, as boards have it by default, would be all of a bench."""
    settings = {**board.settings, "outbox": {**board.settings["outbox"], "gather_s": GATHER_S}}
    return replace(board, settings=settings)


def fill_flash(board: BoardPlan, fault: Fault) -> BoardPlan:
    """By the board's own time, which begins a moment before the bench's. Its RAM is small, so that it too is full soon."""
    board = gather_briefly(board, fault)
    spans = [*board.simulation.get("flash_full", []), [fault.at_s, fault.end_s]]
    settings = {**board.settings, "outbox": {**board.settings["outbox"], "capacity": FEW_READINGS}}
    return replace(board, settings=settings, simulation={**board.simulation, "flash_full": spans})


def wait_for_storage(board: BoardPlan, fault: Fault) -> BoardPlan:
    return keep_until_stored(gather_briefly(board, fault))


def take_storage_away(stage: Stage, _fault: Fault) -> None:
    if stage.storeroom is not None:
        stage.storeroom.leave()


def bring_storage_back(stage: Stage, _fault: Fault) -> None:
    if stage.storeroom is not None:
        stage.storeroom.come_back()


def step_clock(stage: Stage, _fault: Fault) -> None:
    if stage.clock is not None:
        stage.clock.ahead_s = STEP_S


def step_back(stage: Stage, fault: Fault) -> None:
    if stage.clock is not None and fault.for_s:
        stage.clock.ahead_s = 0
