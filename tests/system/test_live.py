"""The live feed: what a message says, who gets which, and one that does not keep up."""

import json
import re
import socket as socket_module
import time

import httpx2 as httpx
import pytest
from dashboard_parts import Floor, listen
from factory_readings import arrival, now_ms


def test_a_message_says_machine_value_and_status_with_its_times(floor: Floor) -> None:
    with listen(floor) as socket:
        socket.send('{"filter": "#", "ping": 1}')
        assert [json.loads(socket.recv(5))["type"] for _ in range(2)] == ["filter", "pong"]
        at = now_ms()
        floor.put(87.3, ts_ms=at)
        told = json.loads(socket.recv(5))
        assert told["type"] == "reading"
        assert (told["machine"], told["temp"], told["ts"]) == ("machine-42", 87.3, at)
        assert told["sent"] >= told["arrived"]
        alarm = json.loads(socket.recv(5))
        assert (alarm["type"], alarm["state"]) == ("alarm", "open")
        floor.put(87.4)
        assert json.loads(socket.recv(5))["status"] == "CRITICAL"


def test_who_asks_for_messages_together_gets_them_as_arrays_and_nobody_else_does(floor: Floor) -> None:
    with listen(floor) as many, listen(floor) as single:
        many.send('{"together": true, "ping": 1}')
        single.send('{"ping": 1}')
        assert [one["type"] for one in json.loads(many.recv(5))] == ["pong"]
        assert json.loads(single.recv(5))["type"] == "pong"
        floor.store.put_readings([arrival(n, value=20.0 + n) for n in range(30)])
        got: list[float] = []
        frames = 0
        while len(got) < 30:
            got += [one["value"] for one in json.loads(many.recv(5))]
            frames += 1
        assert got == [20.0 + n for n in range(30)] and frames < 10
        assert [json.loads(single.recv(5))["value"] for _ in range(30)] == got


def test_a_browser_that_does_not_read_holds_up_nobody(floor: Floor) -> None:
    narrow = socket_module.socket()
    # So that what is not read stays with the server, and not in the system's buffers.
    narrow.setsockopt(socket_module.SOL_SOCKET, socket_module.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", int(floor.url.rpartition(":")[2])))
    with listen(floor, max_queue=1, sock=narrow, ping_interval=None) as slow, listen(floor) as quick:
        for socket in (slow, quick):
            socket.send('{"ping": 1}')
            socket.recv(5)
        padding = "x" * 50
        topic = f"factory/floor-2/{padding}/temperature"
        got = 0
        for part in range(20):
            floor.store.put_readings([arrival(part * 1000 + n, topic=topic, value=20.0) for n in range(1000)])
            end = time.monotonic() + 10
            while got < (part + 1) * 1000 and time.monotonic() < end:
                got += json.loads(quick.recv(5))["type"] == "reading"
        assert got == 20_000
        figures = httpx.get(f"{floor.url}/metrics").text
        assert "floorsense_live_viewers 2.0" in figures
        dropped = re.search(r"^floorsense_live_dropped_total ([\d.e+]+)", figures, re.M)
        assert dropped and float(dropped[1]) > 1000
        slow.close_timeout = 0.1


def test_one_that_talks_nonsense_is_hung_up_on(floor: Floor) -> None:
    for nonsense in ("[]", "{", '{"ping": "x"}', "x" * 2000):
        with listen(floor) as socket:
            socket.send(nonsense)
            with pytest.raises(Exception, match="1008"):
                socket.recv(5)
