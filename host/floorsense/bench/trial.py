"""A trial: boards run for a while at a broker, are watched, stopped, and judged."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from floornode.contract import status
from floorsense.bench.farm import Farm, SimulatedBoard
from floorsense.bench.plan import Plan
from floorsense.bench.verdict import Ending, expectation, judge
from floorsense.broker import LocalBroker
from floorsense.broker_url import BrokerUrl
from floorsense.check import FAULT, Checker, Finding, Report
from floorsense.check.watch import watch
from floorsense.listener import Listener

# From a board's start to its birth message: 0.5 s when alone, more in a crowd. Later than this, time runs without it.
_BIRTH_S = 10
# From a board's last word to our hearing it.
_DRAIN_S = 3


class Trial:
    """``run`` it once; ``checker`` shows what was heard, and afterwards ``endings`` how the boards ended."""

    def __init__(self, plan: Plan, url: BrokerUrl, broker: LocalBroker | None, console: Console) -> None:
        """``broker``: what serves at ``url`` if it is ours, so that its end is noticed."""
        self._plan = plan
        self._url = url
        self._broker = broker
        self._console = console
        self._told: set[str] = set()
        self.checker = Checker(expectation(plan.boards))
        self.endings: list[Ending] = []

    def run(self, seconds: float, folder: Path, stopped: threading.Event) -> Report:
        """The verdict after ``seconds`` with all boards up, or once ``stopped`` is set. Raises BrokerError."""
        topics = [f"{one.name}/#" for one in self._plan.boards]
        checker = self.checker
        with Listener(self._url, topics, checker.message, on_deaf=checker.interrupted), Farm(self._plan, folder) as farm:
            farm.start(stopped)
            _await(lambda: stopped.is_set() or all(self._has_appeared(one) for one in farm.boards), _BIRTH_S)
            watch(checker, seconds, stopped, self._console, lambda: self._look(farm, stopped))
            self._look(farm, stopped)
            excused = {one.name for one in self._plan.boards} - set(checker.boards) if stopped.is_set() else set()
            at_ms = time.time() * 1000
            earlier = [one for one in checker.finish(at_ms).faults if one.kind == "silent" and one.board]
            if (fallen := self._fallen_broker()) is not None:
                earlier.insert(0, fallen)
            self._stop(farm)
            _await(lambda: all(self._is_heard_out(one) for one in self.endings), 0 if fallen else _DRAIN_S)
        return judge(checker, self.endings, at_ms, earlier, excused)

    def _has_appeared(self, one: SimulatedBoard) -> bool:
        return one.name in self.checker.boards or one.exit_code() is not None

    def _is_heard_out(self, ending: Ending) -> bool:
        board = self.checker.boards.get(ending.name)
        return ending.by != Ending.STOP or ending.code != 0 or (board is not None and board.state == status.STOPPED)

    def _look(self, farm: Farm, stopped: threading.Event) -> None:
        """Tell of a board that fell as it falls; without a broker there is nothing left to wait for."""
        for one in farm.fallen():
            if one.name not in self._told:
                self._told.add(one.name)
                self._console.print(
                    f"{one.name} fell; the last it said: {one.tail()[-1]}", style="red", markup=False, soft_wrap=True
                )
        if self._fallen_broker() is not None:
            stopped.set()

    def _fallen_broker(self) -> Finding | None:
        if self._broker is None or self._broker.is_running():
            return None
        return Finding("broker", FAULT, "", "", f"{self._broker.name} ended in the middle of it: {self._broker.last_line()}")

    def _stop(self, farm: Farm) -> None:
        fallen = farm.fallen()
        forced = farm.stop()
        for one in farm.boards:
            by = Ending.ITSELF if one in fallen else Ending.FORCE if one in forced else Ending.STOP
            self.endings.append(Ending(one.name, by, one.exit_code() or 0, one.tail()[-1], one.account()))


def _await(is_so: Callable[[], bool], limit_s: float) -> None:
    end = time.monotonic() + limit_s
    while not is_so() and time.monotonic() < end:
        time.sleep(0.02)
