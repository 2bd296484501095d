"""The settings file: all that is wrong with it, at once, in lines that say what to do and give no secret away."""

import json
import os
import sys

from expect import raises
from floornode import settings
from floornode.contract.topics import fault_of_level
from floornode.sensors import DRIVERS
from floornode.sensors import load as driver
from floornode.settings import SettingsError, load, parse
from floornode.settings_rules import BUSES, SECTIONS
from good_settings import SECRET, drop, faults, good, only_fault, put


def test_good_settings_are_read_with_their_defaults():
    found = parse(good())
    assert (found.site, found.floor, found.machine, found.board) == ("factory", "floor-2", "machine-42", "RPI_PICO_W")
    assert (found.wifi.ssid, found.wifi.password) == ("plant", SECRET)
    broker = found.broker
    assert (broker.host, broker.port, broker.user, broker.password) == ("192.168.1.10", 1883, "board-42", SECRET)
    assert (broker.keepalive, broker.window, broker.first_window_ms, broker.last_window_ms) == (60, 10, 2000, 60000)
    bus = found.buses["i2c0"]
    assert (bus.id, bus.scl, bus.sda, bus.freq) == (0, 5, 4, 400000)
    sensor = found.sensors[0]
    assert (sensor.driver, sensor.bus, sensor.address, sensor.period_ms) == ("bme280", "i2c0", 0x76, 1000)
    assert sensor.qos == {"temperature": 1, "pressure": 1, "humidity": 1}
    assert found.outbox_capacity == found.outbox.capacity == 500
    assert (found.time.server, found.time.port, found.time.interval_s) == ("192.168.1.10", 123, 1024)
    assert (found.health.interval_s, found.health.retain) == (60, True)


def test_a_flag_is_true_or_false_and_nothing_else():
    given = good()
    given["health"] = {"retain": False}
    assert parse(given).health.retain is False
    only_fault(lambda s: s.update({"health": {"retain": 0}}), "health.retain: must be true or false, not 0")


def test_the_time_may_come_from_elsewhere_than_the_broker():
    given = good()
    given["time"] = {"server": "ntp.plant", "interval_s": 0}
    assert (parse(given).time.server, parse(given).time.interval_s) == ("ntp.plant", 0)


def test_client_id_names_the_machine_unless_it_is_given():
    assert parse(good()).broker.client_id == "factory-floor-2-machine-42"
    given = good()
    given["broker"]["client_id"] = "mine"
    assert parse(given).broker.client_id == "mine"


def test_a_board_without_wifi_is_wired():
    wired = good()
    del wired["wifi"]
    assert parse(wired).wifi is None


def test_an_open_network_has_no_password():
    open_network = good()
    del open_network["wifi"]["password"]
    assert parse(open_network).wifi.password is None


def test_parsing_leaves_what_it_was_given_alone():
    given = good()
    parse(given)
    assert given == good()


def test_all_faults_are_named_at_once():
    def spoil(s):
        s["site"] = "a/b"
        s["broker"]["port"] = 0
        s["broker"]["colour"] = "red"
        s["buses"]["i2c0"]["sda"] = 5
        s["sensors"].append({"driver": "bme380", "bus": "i2c9", "period_ms": 1})
        s["outbox"] = {"capacity": 10, "size": 1}
        del s["machine"]

    assert [line.split(":")[0] for line in faults(spoil)] == [
        "site",
        "machine",
        "broker.colour",
        "broker.port",
        "sensors[1].period_ms",
        "outbox.size",
        "buses.i2c0.sda",
        "sensors[1].bus",
        "sensors[1].driver",
    ]


def test_settings_that_are_no_object_are_refused():
    for found in ([], 1, "x", None, True):
        raises(SettingsError, parse, found, text="settings: must be an object")


def test_tls_has_a_port_of_its_own_and_a_key_beside_its_certificate():
    found = good()
    found["broker"]["tls"] = {"ca": "ca.der"}
    broker = parse(found).broker
    assert (broker.port, broker.tls.ca, broker.tls.cert, broker.tls.key) == (8883, "ca.der", None, None)
    only_fault(put("broker", "tls", {}), "broker.tls.ca: is missing; add text of 1 to 64 bytes")
    for one in ("cert", "key"):
        only_fault(
            put("broker", "tls", {"ca": "ca.der", one: "own.der"}),
            "broker.tls: has one of cert and key; a certificate needs its key beside it, so add the other or neither",
        )
    only_fault(
        put("broker", "tls", {"ca": "ca.der", "verify": False}), "broker.tls.verify: is unknown; known are ca, cert, key"
    )


def test_unknown_key_is_named_with_the_known_ones():
    only_fault(
        put("broker", "prot", 1),
        "broker.prot: is unknown; known are host, port, tls, user, password, client_id, keepalive, window, first_window_ms, "
        "last_window_ms",
    )


def test_missing_key_is_named_with_what_it_should_be():
    only_fault(drop("broker", "host"), "broker.host: is missing; add text of 1 to 253 bytes")
    only_fault(put("broker", "host", None), "broker.host: is missing; add text of 1 to 253 bytes")
    only_fault(drop("broker"), "broker: is missing; add an object")


def test_whole_numbers_are_not_text_truth_or_fractions():
    start = "broker.port: must be a whole number from 1 to 65535, not "
    for value, shown in (
        (True, "true"),
        ("1883", "text of 4 characters"),
        (1.5, "1.5"),
        ([], "a list of 0"),
        (65536, "65536"),
    ):
        only_fault(put("broker", "port", value), start + shown)


def test_numbers_have_their_limits():
    for path, low, high in (
        (("broker", "keepalive"), 1, 65535),
        (("broker", "window"), 1, 64),
        (("sensors", 0, "period_ms"), 10, 86400000),
        (("buses", "i2c0", "freq"), 1000, 1000000),
    ):
        for value in (low, high):
            settings = good()
            put(*path, value)(settings)
            parse(settings)
        for value in (low - 1, high + 1):
            lines = faults(put(*path, value))
            assert lines[0].endswith("must be a whole number from %d to %d, not %d" % (low, high, value)), lines


def test_topic_levels_are_checked_as_the_contract_has_it():
    for key in ("site", "floor", "machine"):
        for bad in ("", "a+b", "#", "x" * 65, "\x07", "$SYS", "\ud800" if len("\ud800") == 1 else "\x00"):
            only_fault(put(key, bad), "%s: %s" % (key, fault_of_level(bad)))


def test_broker_host_is_a_bare_name():
    for bad in ("mqtt://broker", "broker/", "user@broker", "broker:1883", "my broker"):
        only_fault(
            put("broker", "host", bad),
            "broker.host: must be a bare name or address; scheme, user and port do not belong here",
        )
    for fine in ("broker.example", "10.0.0.1", "fe80::1"):
        settings = good()
        settings["broker"]["host"] = fine
        assert parse(settings).broker.host == fine


def test_broker_password_needs_a_user():
    only_fault(drop("broker", "user"), "broker.password: needs broker.user beside it (MQTT 3.1.1, section 3.1.2.9)")


def test_outbox_holds_at_least_a_window():
    only_fault(
        lambda s: s.update({"outbox": {"capacity": 10}, "broker": {"host": "h", "window": 11}}),
        "outbox.capacity: must be at least broker.window, which is 11",
    )


def test_the_storages_word_is_waited_for_on_flash_only():
    only_fault(
        lambda s: s.update({"outbox": {"durability": "ram", "end_to_end": True}}),
        "outbox.end_to_end: needs the flash; make outbox.durability outage or always",
    )


def test_lists_have_their_kind_and_size():
    only_fault(put("sensors", []), "sensors: must be a list of 1 to 16, not a list of 0")
    only_fault(put("sensors", {}), "sensors: must be a list of 1 to 16, not an object of 0")
    assert "buses: must be an object of 1 to 4, not a list of 0" in faults(put("buses", []))
    only_fault(put("sensors", [5]), "sensors[0]: must be an object, not 5")


def test_T67_no_secret_in_a_fault_wherever_it_was_put():
    everywhere = (
        put("wifi", "password", SECRET * 9),
        put("wifi", "password", [SECRET]),
        put("broker", "password", {"is": SECRET}),
        put("broker", "user", [SECRET]),
        put("broker", "host", "mqtt://me:" + SECRET + "@broker"),
        put("broker", "port", SECRET),
        put("broker", SECRET + "@" + SECRET),
        put("site", "a/" + SECRET),
        put("wifi", SECRET),
        put("sensors", SECRET),
        put("sensors", 0, "address", SECRET),
        put("sensors", 0, "qos", SECRET),
        put("broker", "pasword", SECRET),
    )
    for change in everywhere:
        error = SettingsError(faults(change))
        assert SECRET not in str(error)
        assert SECRET not in repr(error)


def test_T67_settings_do_not_show_themselves():
    found = parse(good())
    for part in (found, found.wifi, found.broker, found.sensors):
        assert SECRET not in repr(part)
        assert SECRET not in str(part)


def test_names_from_the_file_are_shown_short_and_printable():
    lines = faults(put("\x1b[2J" + "x" * 1000, 1))
    assert len(lines) == 1
    assert "\x1b" not in lines[0]


def test_every_rule_has_a_kind_that_is_known_and_limits_that_fit_it():
    plain = ("level", "point", "address", "section", "qos", "flag")
    limited = ("text", "secret", "host", "whole", "pin", "sections", "list")
    tables = [SECTIONS[name] for name in SECTIONS] + [BUSES[name] for name in BUSES]
    tables += [driver(name).options for name in DRIVERS]
    for rule in [rule for table in tables for rule in table]:
        if rule[1] == "choice":
            assert len(rule) == 4 and (rule[2] is None or rule[2] in rule[3]), rule
        elif rule[1] in limited:
            assert len(rule) == 5 and rule[3] <= rule[4], rule
        else:
            assert rule[1] in plain and len(rule) == 3, rule


def written(data, check):
    name = "settings-%x.json" % id(check)  # several runs may share the folder
    with open(name, "wb") as file:
        file.write(data)
    try:
        return check(name)
    finally:
        os.remove(name)


def refused(data, text):
    written(data, lambda name: raises(SettingsError, load, name, text=text))


def test_a_file_is_loaded():
    def check(name):
        assert load(name).machine == "machine-42"

    written(json.dumps(good()).encode(), check)


def test_the_mark_of_windows_editors_is_no_fault():
    def check(name):
        assert load(name).site == "factory"

    written(b"\xef\xbb\xbf" + json.dumps(good()).encode(), check)


def test_missing_file_is_one_clear_line():
    error = raises(SettingsError, load, "no-such.json")
    assert error.faults == ["no-such.json: is not there; provision the board"]


def test_a_folder_is_no_settings_file():
    raises(SettingsError, load, ".", text="cannot be read")


def test_file_beyond_16_kb_is_refused():
    refused(b" " * (settings.MAX_BYTES + 1), ": is larger than 16384 bytes")


def test_file_that_is_not_utf8_is_refused():
    refused(b'{"site":"f\xe4ctory"}', ": is not UTF-8; save it as UTF-8 text")


def test_syntax_error_names_the_line():
    cut_off = [(b'{"site": "x"\n', 2)]
    # Until 1.25 its reader took a file for whole that ends too soon; what is left out is missed all the same.
    if sys.implementation.name == "micropython" and sys.implementation.version < (1, 26):
        cut_off = []
    for data, line in cut_off + [
        (b'{\n "site": "x",\n "floor": nope\n}', 3),
        (b'{\n "site": "x",\n "floor": }\n}', 3),
        (b"", 1),
        (b'{"site": "x"}\n\n}', 3),
    ]:
        error = written(data, lambda name: raises(SettingsError, load, name, text="is not JSON, line "))
        told = int(str(error).split("line ")[1].split()[0])
        # MicroPython has read on by a line where only the next word showed what was wrong.
        assert line <= told <= line + (sys.implementation.name == "micropython"), (data, told)


def test_file_nested_without_end_is_refused():
    refused(b"[" * settings.MAX_BYTES, ": is not JSON")


def test_faults_of_a_file_are_those_of_its_content():
    refused(b'{"site": 5}', "site: must be text")
