"""Where one case is run: it starts devices, listens for them, and keeps what was said."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event, Semaphore
from types import TracebackType
from typing import TypeVar

from floorsense.advise.device import HOST, Command, Device
from floorsense.advise.judgement import Failed, NotShown
from floorsense.broker.scripted import Record, ScriptedBroker, Talk
from floorsense.packets import PUBLISH, Packet

Found = TypeVar("Found")

# A device that has started is through with the hardest once it has dialled; until then, or this long, it holds up others.
_START_S = 5
_LOOK_S = 0.2
# From the end of a connection to that of the process that fell over it.
_ENDS_S = 0.3


class Stand:
    """``with Stand(...) as stand``, for one case. ``patience``: seconds that a device gets for what has no limit of its own."""

    def __init__(self, command: Command, patience: float, starts: Semaphore, stopped: Event) -> None:
        self.patience = patience
        self.record = Record()
        self._devices: dict[int, Device] = {}
        self._command = command
        self._starts = starts
        self._stopped = stopped
        self._rooms = ExitStack()

    def __enter__(self) -> "Stand":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._rooms.close()

    @property
    def takes_host(self) -> bool:
        return self._command.takes_host

    def broker(self, listens: bool = True, record: Record | None = None) -> ScriptedBroker:
        return self._rooms.enter_context(ScriptedBroker(record or self.record, listens))

    def device(self, broker: ScriptedBroker, host: str = HOST) -> Device:
        """Start one that dials ``broker``."""
        self.check()
        found = self._rooms.enter_context(Device(self._command.at(host, broker.port)))
        self._devices[broker.port] = found
        return found

    def device_at(self, broker: ScriptedBroker) -> Device:
        """The one that dials ``broker``."""
        return self._devices[broker.port]

    def said(self) -> list[str]:
        """The last lines of the first device; none before one was started."""
        return next((one.said() for one in self._devices.values()), [])

    def ending(self) -> str:
        """How the first device that ended by itself did, to be added to what it did wrong; nothing where none has."""
        if self._devices:
            time.sleep(_ENDS_S)
        for one in self._devices.values():
            try:
                one.check("by then")
            except Failed as ended:
                return f"; {ended}"
        return ""

    def first(self, broker: ScriptedBroker, within: float | None = None) -> Talk:
        """Start a device and take its first connection, CONNECT not heard yet. Raises Failed where none comes."""
        limit = within or self.patience
        with self._starts:
            device = self.device(broker)
            talk = self._first(device, broker, min(limit, _START_S))
        talk = talk or self._first(device, broker, limit - _START_S)
        if talk is None:
            raise Failed(f"it did not connect within {limit:g} s")
        return talk

    def _first(self, device: Device, broker: ScriptedBroker, within: float) -> Talk | None:
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0:
            self.check()
            device.check("and did not connect")
            if (talk := broker.knock(min(left, _LOOK_S))) is not None:
                return talk
        return None

    def served(self, broker: ScriptedBroker | None = None) -> tuple[ScriptedBroker, Talk]:
        """A device that was taken in."""
        found = broker or self.broker()
        talk = self.first(found)
        talk.greet(self.patience)
        return found, talk

    def again(self, broker: ScriptedBroker, since: float, within: float | None = None) -> tuple[Talk, float]:
        """The next connection, and how many seconds after ``since`` it came.

        Raises Failed where none does, and Ended where none will.
        """
        limit = within or self.patience
        device = self._devices.get(broker.port)
        while (left := since + limit - time.monotonic()) > 0:
            self.check()
            if (talk := broker.knock(min(left, _LOOK_S))) is not None:
                return talk, talk.began - since
            if device is not None:
                device.check("where it was to dial again")
        self.record.add("no connection")
        raise Failed(f"it did not dial again within {limit:g} s")

    def side_by_side(self, count: int, script: Callable[[int, Record], Found]) -> list[Found]:
        """Run ``script`` for several devices at the same time; each has a record of its own, the first this stand's."""
        records = [self.record, *(Record() for _ in range(count - 1))]
        with ThreadPoolExecutor(count) as pool:
            tasks = [pool.submit(script, i, records[i]) for i in range(count)]
            return [task.result() for task in tasks]

    def check(self) -> None:
        """Give up where the whole run was broken off. Raises NotShown."""
        if self._stopped.is_set():
            raise NotShown("broken off")

    def reading(self, talk: Talk, qos: int, within: float | None = None) -> Packet:
        """Serve until a message at ``qos`` comes that is not retained, which is left unanswered; all others are.

        Raises NotShown where none comes.
        """
        limit = within or self.patience

        def is_it(packet: Packet) -> bool:
            return packet.kind == PUBLISH and packet.qos == qos and not packet.retain

        def answer(packet: Packet) -> None:
            if not is_it(packet):
                talk.answer(packet)

        found = talk.watch(limit, is_it, answer)
        if not found or not is_it(found[-1]):
            raise NotShown(f"it published nothing at QoS {qos} within {limit:g} s")
        return found[-1]

    def keepalive(self, talk: Talk) -> int:
        """Of the device's CONNECT, in s. Raises Failed for none, NotShown for one that takes longer than our patience."""
        assert talk.connect is not None
        seconds = talk.connect.keepalive
        if seconds == 0:
            raise Failed("its keep-alive is 0: neither side would notice a dead link")
        if 1.5 * seconds > self.patience:
            raise NotShown(f"its keep-alive is {seconds} s; give the device a shorter one, or --patience {2 * seconds}")
        return seconds
