"""T31 as a whole: what an outage left on a board's LittleFS drains through the real session to the real Mosquitto."""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from bench_store import board

from floorsense.bench.link import Link
from floorsense.broker import LocalBroker

RTT_S = 0.04


def test_T31_an_hour_drains_at_twenty_times_real_time_and_live_readings_keep_their_place() -> None:
    with LocalBroker() as broker, Link((broker.url.host, broker.url.port)) as link:
        link.delay(RTT_S / 2)
        said = board(1, 60, *link.address, 60)
        # The board's goodbye is still on its way.
        time.sleep(2 * RTT_S)
    print(said)
    found = re.search(r"drained (\d+) of (\d+) readings .* (\d+) times real time; live ones took (\d+) ms at most", said)
    assert found
    drained, waiting, rate, live_ms = map(int, found.groups())
    assert drained == waiting == 3 * 360
    assert rate >= 20
    # Behind a window of ten they wait for two round trips, and not for the backlog, which is a hundred.
    assert live_ms < 50 * 1000 * RTT_S
