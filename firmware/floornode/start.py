"""What a start does once: look at the crashes before it, read the settings, and wire the station."""

import gc
import os
import sys

from . import VERSION
from .startup import forget

SETTINGS = "settings.json"
# Those that a broker was reached with, kept by proving.Proving.
GOOD = "settings.good.json"
CRASH = "crash.json"


def start(port, number):
    """The Station of this start, with the boot number ``number``. SystemExit where there are no settings to wire it by."""
    cause = port.reset_cause()
    row, safe = _crashes(number, cause)
    config, fault = _provisioned()
    # They hold 20 KB, which the station's modules want for being compiled.
    forget("settings", "settings_hardware", "settings_rules", "settings_values")
    gc.collect()
    from .station import Station

    if safe:
        config.sensors = []
    station = Station(port, config, number, cause)
    station.is_safe = safe is not None
    station.reason = safe or fault
    if fault:
        station.settings_are = "last-good"
    from .proving import Proving

    station.proving = Proving(station, None if safe or fault else SETTINGS, GOOD, row)
    where = "/".join((config.site, config.floor, config.machine))
    station.log("floornode %s: %s on %s, boot %d (%s)" % (VERSION, where, config.board, number, cause))
    if station.reason:
        station.log(("safe mode: " if safe else "settings: the last good ones serve: ") + station.reason)
    return station


def _crashes(number, cause):
    """The crashes in a row before this start, and why that makes it one in safe mode, or None."""
    if cause != "watchdog" and not _is_there(CRASH):
        return 0, None
    from . import crash

    row = crash.row(number)
    if cause == "watchdog" and not row:
        # Whatever hung could not say so.
        try:
            row = crash.add(number - 1, "watchdog: a part of the firmware hung", "", "", "", 0)
        except OSError as error:
            print("crash: not recorded: error %s" % error.args[0])
    if row < crash.ROW:
        return row, None
    return row, "%d crashes in a row, the last: %s" % (row, crash.last()["error"])


def _provisioned():
    """The settings, and what is wrong with those that should have served, or None."""
    from . import settings

    try:
        return settings.load(SETTINGS), None
    except settings.SettingsError as error:
        for fault in error.faults:
            print("settings: " + fault)
        try:
            return settings.load(GOOD), error.faults[0]
        except settings.SettingsError:
            sys.exit(2)


def _is_there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False
