"""What the port tells of a network that does not let it in: real sockets, and the access points of simulated boards."""

import sys
import time

import simulation
from expect import raises
from floornode.mqtt.diagnosis import tell
from floornode.mqtt.trouble import Trouble

MICROPYTHON_ONLY = "the port imports MicroPython's modules"

PICO = "Raspberry Pi Pico W with RP2040"
ESP32 = "Generic ESP32 module with ESP32"


class Net:
    def __init__(self, ssid, password):
        self.ssid = ssid
        self.password = password


def link(machine, wifi, ssid="plant", password="right"):
    """A link that has begun to join the script's access point, on a board of either family."""
    for name in ("network", "machine", "floornode.ports.wireless", "floornode.ports.micropython"):
        sys.modules.pop(name, None)
    simulation.script.clear()
    simulation.script.update({"machine": machine, "wifi": wifi})
    port = __import__("floornode.ports.micropython", None, None, ("Port",)).Port()
    joining = port.link(Net(ssid, password))
    joining.join()
    return joining


def settled(joining):
    """What the link says once the access point has had its time."""
    for _ in range(100):
        if joining.joined():
            return True
        time.sleep_ms(2)
    return False


def test_T11_a_wrong_password_an_absent_access_point_and_no_address_are_told_apart():
    for machine in (PICO, ESP32):
        wifi = {"ssid": "plant", "password": "right", "join_ms": 20}
        wrong = raises(OSError, settled, link(machine, wifi, password="wrong-one"))
        assert tell(wrong) == ("wrong-password", "wrong Wi-Fi password for 'plant'"), tell(wrong)
        absent = raises(OSError, settled, link(machine, wifi, ssid="plnt"))
        assert tell(absent) == ("no-access-point", "no access point 'plnt' in reach"), tell(absent)
        wifi["dhcp"] = False
        nowhere = link(machine, wifi)
        assert not settled(nowhere)
        assert nowhere.lacks() == ("no-address", "'plant' gives no address: its DHCP does not answer")


def test_a_join_that_is_not_answered_is_neither():
    for machine in (PICO, ESP32):
        silent = link(machine, {"ssid": "plant", "join_ms": 600000})
        assert not settled(silent)
        assert silent.lacks() == ("not-joined", "'plant' does not answer")


def test_a_join_that_is_answered_is_up():
    for machine in (PICO, ESP32):
        good = link(machine, {"ssid": "plant", "password": "right", "join_ms": 20})
        assert settled(good) and good.is_up()


def port():
    return __import__("floornode.ports.micropython", None, None, ("Port",)).Port()


def test_T07_a_name_that_does_not_exist_is_named():
    error = raises(Trouble, port().dial, "no-such-name.invalid", 1883)
    assert tell(error) == ("no-name", "no such name: no-such-name.invalid")


def test_T08_a_refused_connection_is_told_from_the_others():
    dialling = port().dial("127.0.0.1", 1)

    def wait():
        for _ in range(100):
            dialling.poll()
            time.sleep_ms(2)

    error = raises(Trouble, wait)
    assert tell(error) == ("refused", "127.0.0.1 refused the connection")
