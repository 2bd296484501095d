"""The `machine` and `network` modules of a simulated board, with the script in memory; its deaths in processes."""

import os
import sys
import time

from expect import raises
from simulated_board import ESP32, PICO, board

EIO, ENODEV, EPERM = 5, 19, 1
SIGALRM = 14


def with_chip(**more):
    spec = {"chip": "bme280"}
    spec.update(more)
    return {"0": {"118": spec}}


def code_of(call, *args):
    return raises(OSError, call, *args).args[0]


def test_the_bus_lists_its_chips():
    machine, _, _ = board(i2c=with_chip())
    assert machine.I2C(0, scl=machine.Pin(5), sda=machine.Pin(4), freq=400000, timeout=1000).scan() == [118]
    assert machine.I2C(1).scan() == []
    assert machine.SoftI2C(machine.Pin(5), machine.Pin(4)).scan() == []


def test_software_i2c_finds_the_chips_on_its_pins():
    machine, _, _ = board(i2c={"7,6": {"119": {"chip": "bme280"}}})
    assert machine.SoftI2C(scl=machine.Pin(7), sda=machine.Pin(6), freq=100000).scan() == [119]


def test_there_are_two_hardware_buses():
    machine, _, _ = board()
    raises(ValueError, machine.I2C, 2, text="I2C(2)")


def test_T49_a_missing_acknowledgement_has_the_ports_own_code():
    for name, code in ((PICO, EIO), (ESP32, ENODEV)):
        machine, _, _ = board(name)
        i2c = machine.I2C(0)
        assert code_of(i2c.writeto, 0x76, b"\xd0") == code
        assert code_of(i2c.readfrom, 0x76, 1) == code
        assert code_of(i2c.readfrom_mem, 0x76, 0xD0, 1) == code
        assert code_of(machine.SoftI2C(1, 0).writeto, 0x76, b"") == ENODEV


def test_every_way_to_transfer_reaches_the_chip():
    machine, _, _ = board(i2c=with_chip())
    i2c = machine.I2C(0)
    assert i2c.writeto(118, b"\xd0", False) == 1
    assert i2c.readfrom(118, 1) == b"\x60"
    buffer = bytearray(1)
    assert i2c.readfrom_mem_into(118, 0xD0, buffer) is None
    assert buffer == b"\x60"
    assert i2c.writeto_mem(118, 0xF5, b"\xa0") is None
    assert i2c.readfrom_mem(118, 0xF5, 1) == b"\xa0"
    assert i2c.writevto(118, (b"\xf2", bytearray(b"\x02"), b"")) == 2
    assert i2c.readfrom_mem(118, 0xF2, 1) == b"\x02"


def test_chips_outlive_the_bus_objects():
    machine, _, _ = board(i2c=with_chip())
    machine.I2C(0).writeto_mem(118, 0xF5, b"\xa0")
    assert machine.I2C(0).readfrom_mem(118, 0xF5, 1) == b"\xa0"


def test_T49_faults_of_the_script_reach_the_bus():
    machine, _, clock = board(i2c=with_chip(faults=[{"kind": "nack", "at_s": 1, "for_s": 1}]))
    i2c = machine.I2C(0)
    assert i2c.scan() == [118]
    clock.now = 1500000
    assert i2c.scan() == []
    clock.now = 2000000
    assert i2c.scan() == [118]


def test_a_board_has_pins_an_identity_and_a_frequency():
    machine, _, _ = board(unique_id="e6614103e7000001")
    led = machine.Pin("LED", machine.Pin.OUT, value=0)
    led.on()
    assert machine.Pin("LED").value() == 1
    led.toggle()
    assert led() == 0
    assert machine.Pin(9, machine.Pin.IN, machine.Pin.PULL_UP).value() == 1
    assert machine.unique_id() == b"\xe6\x61\x41\x03\xe7\x00\x00\x01"
    assert machine.freq() > 100000000


def test_the_reset_cause_is_told_as_each_port_tells_it():
    for cause, pico, esp32 in (("power-on", 1, 1), ("reset", 3, 2), ("watchdog", 3, 3), ("soft", 1, 5)):
        assert board(PICO, reset_cause=cause)[0].reset_cause() == pico
        assert board(ESP32, reset_cause=cause)[0].reset_cause() == esp32
    machine, _, _ = board(PICO)
    assert not hasattr(machine, "HARD_RESET")  # as on the real port


def test_the_clock_runs_from_the_hosts_or_from_the_ports_first_day():
    machine, _, _ = board()
    assert machine.RTC().datetime()[:3] == time.gmtime()[:3]
    for name, first in ((PICO, 2021), (ESP32, 2000)):
        machine, _, _ = board(name, rtc="unset")
        assert machine.RTC().datetime()[:6] in ((first, 1, 1, 4 if first == 2021 else 5, 0, 0),)


def test_the_clock_can_be_set_for_all_who_ask_it():
    machine, _, _ = board()
    for day in ((2024, 2, 29, 3), (2024, 12, 31, 1), (2025, 3, 1, 5), (2039, 7, 4, 0)):
        machine.RTC().datetime(day + (23, 59, 30, 0))
        assert machine.RTC().datetime()[:6] == day + (23, 59)


def test_T11_joining_takes_its_time_and_gives_an_address():
    _, network, clock = board(wifi={"ssid": "plant", "password": "right", "join_ms": 300, "ip": "127.0.0.1"})
    wlan = network.WLAN(network.STA_IF)
    assert code_of(wlan.connect, "plant", "right") == EPERM  # not active
    wlan.active(True)
    assert wlan.status() == network.STAT_IDLE
    wlan.connect("plant", "right")
    clock.now += 299000
    assert wlan.status() == network.STAT_CONNECTING and not wlan.isconnected()
    assert wlan.ifconfig()[0] == "0.0.0.0"
    clock.now += 1000
    assert wlan.status() == network.STAT_GOT_IP and wlan.isconnected()
    assert wlan.ifconfig()[0] == wlan.ipconfig("addr4")[0] == "127.0.0.1"
    wlan.disconnect()
    assert wlan.status() == network.STAT_IDLE


def test_T11_wrong_password_no_access_point_and_no_address_are_told_apart():
    for name, no_address in ((PICO, 2), (ESP32, 1001)):
        seen = []
        for ssid, key, dhcp in (("plant", "wrong", True), ("plan", "right", True), ("plant", "right", False)):
            _, network, clock = board(name, wifi={"ssid": "plant", "password": "right", "dhcp": dhcp})
            wlan = network.WLAN(network.STA_IF)
            wlan.active(True)
            if name == ESP32:
                # Or it says that it is connecting, for it tries on and on.
                wlan.connect(ssid, key)
                clock.now += 10000000
                assert wlan.status() == 1001
                wlan.config(reconnects=1)
            wlan.connect(ssid, key)
            clock.now += 10000000
            assert not wlan.isconnected()
            seen.append(wlan.status())
        assert seen == [network.STAT_WRONG_PASSWORD, network.STAT_NO_AP_FOUND, no_address]


def test_a_static_address_needs_no_dhcp():
    _, network, clock = board(wifi={"ssid": "plant", "dhcp": False})
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.ifconfig(("10.0.0.7", "255.0.0.0", "10.0.0.1", "10.0.0.1"))
    wlan.connect("plant")
    clock.now += 10000000
    assert wlan.isconnected() and wlan.ifconfig()[0] == "10.0.0.7"


def test_without_wifi_in_the_script_anything_joins():
    _, network, clock = board()
    wlan = network.WLAN(network.STA_IF)
    wlan.active(True)
    wlan.connect("any", "thing")
    clock.now += 1000000
    assert wlan.isconnected()


def test_there_is_one_radio_with_an_address_of_its_own():
    _, network, _ = board(unique_id="e6614103e7000001")
    assert network.WLAN(network.STA_IF) is network.WLAN()
    assert network.WLAN().config("mac") == b"\x02\x03\xe7\x00\x00\x01"
    network.hostname("machine-42")
    assert network.WLAN().config("hostname") == network.hostname() == "machine-42"


def end_of(firmware, script="{}"):
    """How a process that runs ``firmware`` as a board ends: exit code, 128 + N after signal N, and what it printed."""
    folder = (os.getenv("TMPDIR") or "/tmp") + "/floorsense_board_" + os.urandom(6).hex()
    path = [entry if entry[:1] == "/" else os.getcwd() + "/" + entry for entry in sys.path if entry != ".frozen"]
    os.mkdir(folder)
    with open(folder + "/simulation.json", "w") as file:
        file.write(script)
    with open(folder + "/main.py", "w") as file:
        file.write("import sys\nsys.path[:0] = %r\n%s" % (path, firmware))
    os.system("cd %s; timeout 20 %s main.py >out 2>&1 </dev/null; echo $? >code" % (folder, sys.executable))
    with open(folder + "/code") as file:
        code = int(file.read())
    with open(folder + "/out") as file:
        output = file.read()
    os.system("rm -r " + folder)
    return code, output


HANGS = "import machine\nmachine.WDT(timeout=300)\ntry:\n    while True: pass\nfinally: print('farewell')\n"
FED = """
import machine, time
watchdog = machine.WDT(timeout=600)
for _ in range(30):
    time.sleep(0.05)
    watchdog.feed()
print('alive')
"""


def test_T34_a_watchdog_that_is_not_fed_bites_through_a_busy_loop():
    code, output = end_of(HANGS)
    assert code == 128 + SIGALRM, (code, output)
    assert "farewell" not in output


def test_T34_a_watchdog_that_is_fed_lets_live():
    code, output = end_of(FED)
    assert code == 0 and "alive" in output, (code, output)


def test_the_rp2_watchdog_cannot_exceed_8388_ms():
    machine, _, _ = board(PICO)
    raises(ValueError, machine.WDT, 0, 8389, text="8388")


def test_a_reset_ends_the_board_at_once_and_tells_how():
    ends = []
    for call in ("reset", "soft_reset"):
        code, output = end_of("import machine\ntry:\n    machine.%s()\nfinally: print('farewell')\n" % call)
        assert "farewell" not in output, output
        ends.append(code)
    assert ends[0] > 128 and ends[1] > 128 and ends[0] != ends[1]


def test_a_wrong_script_ends_the_board_with_one_line():
    for script, words in (
        ("{", "is not JSON"),
        ('{"i2c": {"0": {"118": {"chip": "bmx"}}}}', "i2c.0.118: unknown chip 'bmx'"),
        (
            '{"i2c": {"0": {"118": {"chip": "bme280", "signals": {"humidity": {"kind": "x"}}}}}}',
            "signals.humidity: unknown",
        ),
    ):
        code, output = end_of("import machine\nmachine.I2C(0)\n", script)
        assert code == 2, (code, output)
        assert output.count("\n") == 1 and output.startswith("simulation.json: ") and words in output, output
