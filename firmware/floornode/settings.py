"""The provisioned settings of a board: one JSON file, validated whole, refused with all its faults at once.

A fault is one line, ``where: what is wrong and what to do``. It never shows a text somebody wrote into the file, other
than the name of a key, a driver, a bus or a quantity: any other may be a password in the wrong place.
"""

import io
import json
import os

from . import settings_hardware as hardware
from .settings_values import section

# A full file has about 1 KB. It is held in RAM twice while it is read.
MAX_BYTES = 16384


class SettingsError(ValueError):
    """The settings cannot be used. ``faults`` is the list of all that is wrong, a line each."""

    def __init__(self, faults):
        super().__init__("\n".join(faults))
        self.faults = faults


def load(path):
    """The settings in the file ``path``. Raises SettingsError."""
    try:
        size = os.stat(path)[6]
        data = b""
        # Asked first: MicroPython allocates what it is asked to read at most.
        if size <= MAX_BYTES:
            with open(path, "rb") as file:
                data = file.read()
    except OSError as error:
        what = "is not there" if error.args[0] == 2 else "cannot be read (error %s)" % error.args[0]
        raise SettingsError(["%s: %s; provision the board" % (path, what)])
    if size > MAX_BYTES:
        raise SettingsError(["%s: is larger than %d bytes; this is no settings file" % (path, MAX_BYTES)])
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]  # the mark that Windows editors put first
    try:
        data.decode()
    except ValueError:
        raise SettingsError(["%s: is not UTF-8; save it as UTF-8 text" % path])
    stream = io.BytesIO(data)
    try:
        found = json.load(stream)
    except (ValueError, RuntimeError) as error:  # RuntimeError: nested too deeply
        # CPython tells where; MicroPython stops reading there.
        line = getattr(error, "lineno", None) or data[: stream.tell()].count(b"\n") + 1
        raise SettingsError(["%s: is not JSON, line %d or just before it; correct it" % (path, line)])
    return parse(found)


def parse(found):
    """The settings in ``found`` (decoded JSON): a Section with the keys of settings_rules as attributes.

    Left-out keys have their defaults. ``buses`` is a dict of Sections, ``sensors`` a list of them, each with ``qos`` as
    a dict of quantity to QoS, ``address`` filled in (bytes on 1-Wire), ``name`` as people are told it, ``names`` of what it
    publishes, in the order of the driver's quantities, and ``options`` of its driver, by name. ``wifi`` is None on a wired
    board; ``broker.port`` is 1883, by TLS 8883, where none is named, and ``time.server`` the broker's host;
    ``outbox_capacity`` is short for ``outbox.capacity``.
    Raises SettingsError.
    """
    faults = []
    settings = section("settings", found, "", faults)
    if settings:
        _check_broker(settings, faults)
        taken = {}
        hardware.check_buses(settings.buses or {}, taken, faults)
        hardware.check_sensors(settings.sensors or [], settings.buses, taken, faults)
        if settings.led:
            hardware.check_led(settings.led, taken, faults)
    if faults:
        raise SettingsError(faults)
    settings.outbox_capacity = settings.outbox.capacity
    if settings.time.server is None:
        settings.time.server = settings.broker.host
    if settings.broker.client_id is None:
        settings.broker.client_id = "-".join((settings.site, settings.floor, settings.machine))
    return settings


def _check_broker(settings, faults):
    broker = settings.broker
    if not broker:
        return
    if broker.password is not None and broker.user is None:
        faults.append("broker.password: needs broker.user beside it (MQTT 3.1.1, section 3.1.2.9)")
    if broker.port is None:
        # What IANA has for MQTT, and for MQTT by TLS.
        broker.port = 1883 if broker.tls is None else 8883
    if broker.tls and (broker.tls.cert is None) != (broker.tls.key is None):
        faults.append("broker.tls: has one of cert and key; a certificate needs its key beside it, so add the other or neither")
    outbox = settings.outbox
    if outbox and outbox.end_to_end and outbox.durability == "ram":
        faults.append("outbox.end_to_end: needs the flash; make outbox.durability outage or always")
    # What was in flight returns to the outbox when the link breaks.
    if outbox and outbox.capacity and broker.window and outbox.capacity < broker.window:
        faults.append("outbox.capacity: must be at least broker.window, which is %d" % broker.window)
