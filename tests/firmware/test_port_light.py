"""The light that MicroPython's port switches: by its number or its name, the right way round."""

import sys

from floornode.section import Section

MICROPYTHON_ONLY = "the port imports MicroPython's modules"


def light(**led):
    """``switch(on)`` of that light, and the level of its pin."""
    for name in ("machine", "parts.pin", "floornode.ports.micropython"):
        sys.modules.pop(name, None)
    section = Section()
    for key in ("pin", "name", "inverted"):
        setattr(section, key, led.get(key))
    switch = __import__("floornode.ports.micropython", None, None, ("Port",)).Port().light(section)
    pin = __import__("machine").Pin(led.get("pin", led.get("name")))
    return switch, pin.value


def test_a_light_is_switched_by_its_number_or_its_name():
    for led in ({"name": "LED"}, {"pin": 2}):
        switch, level = light(**led)
        switch(1)
        assert level() == 1
        switch(0)
        assert level() == 0


def test_an_inverted_light_shines_at_a_low_pin():
    switch, level = light(pin=8, inverted=True)
    switch(1)
    assert level() == 0
    switch(0)
    assert level() == 1
