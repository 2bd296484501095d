"""A station that has lived for a while on a scripted machine, what it said, and a board with its files from start to start."""

import gc
import json
import os

from fake_port import WANTED, FakePort, Reset, config, until
from floornode import crash, startup
from floornode.station import Station

HEALTH = b"factory/floor-2/machine-42/health"
STATUS = b"factory/floor-2/machine-42/status"
if hasattr(gc, "freeze"):
    # A start collects garbage several times; under CPython it need not look at all that pytest holds.
    gc.freeze()
FILES = ("settings.json", "settings.good.json", crash.PATH)


def said(port, topic):
    return [json.loads(payload) for one, payload in port.taken if one == topic]


def run(ms, turned=None, **more):
    """The port after a station has lived for ``ms``; ``turned(port)`` before each turn."""
    end = until(ms)

    def each(port):
        if turned:
            turned(port)
        end(port)

    port = FakePort(each)
    station = Station(port, config(**more), 7, "power-on")
    station.run()
    return port, station


def write(name, text):
    with open(name, "w") as file:
        file.write(text)


def fresh(settings=WANTED):
    for name in FILES:
        for one in (name, name + ".new"):
            try:
                os.remove(one)
            except OSError:
                pass
    if settings is not None:
        write("settings.json", json.dumps(settings))


def live(ms, number=7, cause="power-on", turned=None):
    """A port on which a board has started as it does, and lived for ``ms`` or until it crashed."""
    end = until(ms)

    def each(port):
        if turned:
            turned(port)
        end(port)

    port = FakePort(each, number=number, cause=cause)
    try:
        startup.run(port)
    except Reset:
        pass
    return port
