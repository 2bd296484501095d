"""Settings that are right, and what spoils them."""

from expect import raises
from floornode.settings import SettingsError, parse

SECRET = "hunter2-and-more"


def good():
    return {
        "site": "factory",
        "floor": "floor-2",
        "machine": "machine-42",
        "board": "RPI_PICO_W",
        "wifi": {"ssid": "plant", "password": SECRET},
        "broker": {"host": "192.168.1.10", "user": "board-42", "password": SECRET},
        "buses": {"i2c0": {"id": 0, "scl": 5, "sda": 4}},
        "sensors": [{"driver": "bme280", "bus": "i2c0"}],
    }


def faults(change):
    """All faults of the good settings after ``change`` has spoilt them."""
    spoilt = good()
    change(spoilt)
    error = raises(SettingsError, parse, spoilt)
    assert str(error) == "\n".join(error.faults)
    for line in error.faults:
        assert "\n" not in line and len(line) < 300, line
    return error.faults


def put(*path):
    """A change that sets the last of ``path`` at the keys before it."""

    def change(spoilt):
        for key in path[:-2]:
            spoilt = spoilt[key]
        spoilt[path[-2]] = path[-1]

    return change


def drop(*path):
    def change(spoilt):
        for key in path[:-1]:
            spoilt = spoilt[key]
        del spoilt[path[-1]]

    return change


def only_fault(change, text):
    found = faults(change)
    assert found == [text], found


def changed(change):
    settings = good()
    change(settings)
    return parse(settings)
