"""A trial: boards run for a while at a broker, are watched, stopped, and judged."""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from floornode.contract import status
from floorsense.bench.acts import Fault, Stage
from floorsense.bench.aftermath import Aftermath
from floorsense.bench.burden import Burden
from floorsense.bench.farm import Farm, SimulatedBoard
from floorsense.bench.link import Link
from floorsense.bench.plan import Plan
from floorsense.bench.storeroom import Storeroom
from floorsense.bench.time_server import TimeServer
from floorsense.bench.timeline import Timeline
from floorsense.bench.verdict import Ending, expectation, judge
from floorsense.broker import LocalBroker
from floorsense.broker_url import BrokerUrl
from floorsense.check import FAULT, NOTE, Checker, Finding, Report
from floorsense.check.watch import watch
from floorsense.listener import Listener

# From a board's start to its birth message: 0.5 s when alone, more in a crowd. Later than this, time runs without it.
_BIRTH_S = 10
# From a board's last word to our hearing it.
_DRAIN_S = 3
# From a message to its commit.
_STORED_S = 5
# The boards wait for us at a broker that has come back: we look often.
_LISTEN_AGAIN_S = (0.05, 0.2)


class Trial:
    """``run`` it once; ``checker`` shows what was heard, and afterwards ``endings`` how the boards ended."""

    def __init__(
        self,
        plan: Plan,
        url: BrokerUrl,
        broker: LocalBroker | None,
        console: Console,
        faults: Sequence[Fault] = (),
        link: Link | None = None,
        clock: TimeServer | None = None,
        storeroom: Storeroom | None = None,
    ) -> None:
        """``broker``: what serves at ``url`` if it is ours, so that its end is noticed. ``link``: what the boards dial
        instead; faults need one. ``clock``: what the boards have their time from; ``storeroom``: where readings are stored."""
        self._plan = plan
        self._url = url
        self._broker = broker
        self._console = console
        self._link = link
        self._clock = clock
        self._storeroom = storeroom
        self._told: set[str] = set()
        self._burden = Burden()
        self.checker = Checker(expectation(plan.boards))
        self.aftermath = Aftermath(faults, plan.boards, self.checker, link) if link else None
        self.endings: list[Ending] = []

    def run(self, seconds: float, folder: Path, stopped: threading.Event) -> Report:
        """The verdict after ``seconds`` with all boards up, or once ``stopped`` is set. Raises BrokerError."""
        topics = [f"{one.name}/#" for one in self._plan.boards]
        checker = self.checker
        listener = Listener(self._url, topics, self._hear, on_deaf=self._deaf, reconnect_s=_LISTEN_AGAIN_S)
        with listener, Farm(self._plan, folder) as farm:
            farm.start(stopped)
            _await(lambda: stopped.is_set() or all(self._has_appeared(one) for one in farm.boards), _BIRTH_S)
            with ExitStack() as rooms:
                caption = None
                if self.aftermath and self._link:
                    stage = Stage(farm, self._link, self._broker, listener, clock=self._clock, storeroom=self._storeroom)
                    caption = rooms.enter_context(Timeline(stage, self.aftermath, self._tell)).caption
                watch(checker, seconds, stopped, self._console, lambda: self._look(farm, stopped), caption)
            self._look(farm, stopped)
            excused = {one.name for one in self._plan.boards} - set(checker.boards) if stopped.is_set() else set()
            at_ms = time.time() * 1000
            earlier = [one for one in checker.finish(at_ms).faults if one.kind == "silent" and one.board]
            if (fallen := self._fallen_broker()) is not None:
                earlier.insert(0, fallen)
            if self.aftermath:
                self.aftermath.close()
            self._stop(farm)
            _await(lambda: all(self._is_heard_out(one) for one in self.endings), 0 if fallen else _DRAIN_S)
        report = judge(checker, self.endings, at_ms, earlier, excused)
        report.findings = self._burden.excuse(report.findings)
        if self.aftermath:
            self.aftermath.settle(report)
        if self._storeroom:
            report.findings.append(self._taken_stock(self._storeroom))
        return report

    def _taken_stock(self, storeroom: Storeroom) -> Finding:
        """What the storage has not got of all that was read before the newest that it has."""
        names = [one.name for one in self._plan.boards]
        _await(lambda: not storeroom.missing(names), _STORED_S)
        missing = storeroom.missing(names)
        if not missing:
            return Finding("storage", NOTE, "", "", "the storage has every reading up to the newest of each board")
        text = ", ".join(f"{'all' if count < 0 else count} of {name}" for name, count in missing.items())
        return Finding("storage", FAULT, "", "", f"the storage lacks {text}")

    def _hear(self, topic: str, data: bytes, qos: int, retain: bool, dup: bool, at_ms: float) -> None:
        self.checker.message(topic, data, qos, retain, dup, at_ms)
        if self.aftermath:
            self.aftermath.hear(topic, data, retain, at_ms)

    def _deaf(self, from_ms: float, to_ms: float) -> None:
        """Nothing could be heard; but while the link lets nobody in there is nothing to be heard either."""
        shut_at = self._link.shut_at if self._link else None
        if shut_at is None or shut_at > from_ms:
            self.checker.interrupted(from_ms, to_ms)

    def _tell(self, line: str) -> None:
        self._console.print(line, style="yellow", markup=False, soft_wrap=True)

    def _has_appeared(self, one: SimulatedBoard) -> bool:
        return one.name in self.checker.boards or one.exit_code() is not None

    def _is_heard_out(self, ending: Ending) -> bool:
        board = self.checker.boards.get(ending.name)
        return ending.by != Ending.STOP or ending.code != 0 or (board is not None and board.state == status.STOPPED)

    def _look(self, farm: Farm, stopped: threading.Event) -> None:
        """Tell of a board that fell as it falls; without a broker there is nothing left to wait for."""
        self._burden.weigh()
        for one in farm.fallen():
            if one.name not in self._told:
                self._told.add(one.name)
                self._console.print(
                    f"{one.name} fell; the last it said: {one.tail()[-1]}", style="red", markup=False, soft_wrap=True
                )
        if self._fallen_broker() is not None:
            stopped.set()

    def _fallen_broker(self) -> Finding | None:
        if self._broker is None or not self._broker.has_fallen():
            return None
        return Finding("broker", FAULT, "", "", f"{self._broker.name} ended in the middle of it: {self._broker.last_line()}")

    def _stop(self, farm: Farm) -> None:
        fallen = farm.fallen()
        forced = farm.stop()
        for one in farm.boards:
            by = Ending.ITSELF if one in fallen else Ending.FORCE if one in forced else Ending.STOP
            account = one.account()
            if account and self._storeroom:
                # What is sent again for the storage counts as delivered each time: whether all came, the storage says.
                account = 0, account[1]
            self.endings.append(Ending(one.name, by, one.exit_code() or 0, one.tail()[-1], account))


def _await(is_so: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
