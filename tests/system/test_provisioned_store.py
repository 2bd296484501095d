"""A Pico W's 848 KB, provisioned and updated: two firmwares, and what is left for readings in an outage."""

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from stations import firmware, station

from floorsense import boards
from floorsense.bench.link import Link
from floorsense.broker import LocalBroker
from floorsense.listener import Listener
from floorsense.provisioning.provisioning import Telling, provision
from floorsense.virtual import Flash, VirtualBoard

# `outbox.flash_kib` where the settings do not say otherwise, and what the log leaves to all else.
STORE_KIB, RESERVE_KIB = 512, 16
OUTAGE_S = 8


class Ears:
    """What came: of each topic the (boot, seq) and whether it was marked as replayed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.came: dict[str, dict[tuple[int, int], bool]] = {}

    def hear(self, topic: str, payload: bytes, *_: object) -> None:
        if topic.endswith(("/temperature", "/pressure", "/humidity")):
            said = json.loads(payload)
            with self.lock:
                self.came.setdefault(topic, {})[said["boot"], said["seq"]] = b'"replayed"' in payload

    def newest(self) -> dict[str, tuple[int, int]]:
        with self.lock:
            return {topic: max(found) for topic, found in self.came.items()}

    def gaps(self, boot: int) -> list[tuple[str, int]]:
        with self.lock:
            found = {topic: {seq for life, seq in came if life == boot} for topic, came in self.came.items()}
        return [(topic, seq) for topic, seqs in found.items() for seq in range(max(seqs)) if seq not in seqs]

    def replayed(self) -> int:
        with self.lock:
            return sum(sum(found.values()) for found in self.came.values())


def test_T31_beside_two_firmwares_the_whole_store_fits_and_an_outage_loses_nothing(tmp_path: Path) -> None:
    ears = Ears()
    with (
        LocalBroker(tmp_path) as broker,
        Link((broker.url.host, broker.url.port)) as link,
        VirtualBoard(boards.load("RPI_PICO_W"), Flash(tmp_path / "flash.img")) as board,
    ):
        one = station(tmp_path, link.address[1], more="[outbox]\ngather_s = 1\n")
        heard = broker.url, None
        with Listener(broker.url, ["factory/#"], ears.hear):
            provision(one, board.port, Telling(), wait_s=30, broker=heard)
            outcome = provision(one, board.port, Telling(), wait_s=30, broker=heard, source=firmware(tmp_path, "0.2.0"))
            assert "on trial, in /b" in outcome.changes[0] and outcome.first
            boot = outcome.first.boot
            until(lambda: "/trial" not in board.flash.files())
            free = board.flash.free_kib()
            print(f"{free} KiB are free beside two firmwares")
            assert free >= STORE_KIB + RESERVE_KIB
            link.refuse()
            link.reset()
            time.sleep(OUTAGE_S)
            waiting = {path: len(data) for path, data in board.flash.files().items() if path.endswith(".log")}
            assert sum(waiting.values()) > 0
            before = ears.newest()
            link.admit()
            # Three quantities twice a second, in the outage and after it.
            until(lambda: all(seq >= before[topic][1] + 2 * OUTAGE_S + 4 for topic, (_, seq) in ears.newest().items()))
            until(lambda: not ears.gaps(boot))
        assert ears.replayed() >= OUTAGE_S
        assert set(board.resets) <= {"power-on", "reset", "soft"}


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 40
    while not is_so() and time.monotonic() < end:
        time.sleep(0.1)
    assert is_so()
