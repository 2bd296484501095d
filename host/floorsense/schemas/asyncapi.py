"""The AsyncAPI 3.0 document."""

import binascii
import json

from floornode.contract import CONTRACT, capture, command, health, mark, mark_pages, status
from floornode.contract.payload import encode
from floornode.contract.quantities import QUANTITIES
from floornode.contract.reading import FAULT, Reading
from floornode.contract.topics import CAPTURE, COMMAND, HEALTH, MARK, STATUS

from .capture import capture_body, command_body
from .contract import Schema, health_body, mark_body, reading_of, status_body

# Of one board, at one moment: what every example shows.
TS = 1706900000125
BOOT = 12
# Of one request.
ID = "5f3a9c01"


def document() -> Schema:
    """The AsyncAPI 3.0 document: what a board publishes where, self-contained, its examples written by the firmware."""
    channels: Schema = {
        kind.name: _channel(
            kind.name, [kind.name], f"Readings of {kind.name}; at a point other than the first: {kind.name}.POINT."
        )
        for kind in QUANTITIES
    }
    channels[STATUS] = _channel(STATUS, ["birth", "will", "lastWord"], "Whether the board is there, and what it publishes.")
    channels[HEALTH] = _channel(HEALTH, [HEALTH], "How the board is doing, each minute.")
    channels[CAPTURE] = _channel(
        CAPTURE, ["captureHead", "captureChunk", "captureRefusal"], "The raw window of samples behind a reading, on request."
    )
    operations: Schema = {
        f"publish{name.capitalize()}": {
            "action": "send",
            "summary": f"A board publishes on its {name} topic.",
            "channel": {"$ref": f"#/channels/{name}"},
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in channel["messages"]],
            # The QoS of readings is a setting, this one its default.
            "bindings": {"mqtt": {"qos": 1, "retain": name in (STATUS, HEALTH), "bindingVersion": "0.2.0"}},
        }
        for name, channel in channels.items()
    }
    channels[COMMAND] = _channel(COMMAND, [COMMAND], "What the board is to send, published by whoever asks.")
    operations["receiveCommand"] = _received(COMMAND, "A board is asked for a raw window.")
    channels[MARK] = _channel(MARK, ["mark"], "What the storage holds of the machine's readings, published by the ingestion.")
    operations["receiveMark"] = _received(MARK, "A board learns what is stored, and may let it go.")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "floorsense telemetry",
            "version": f"{CONTRACT}.0.0",
            "description": "What floornode boards publish over MQTT 3.1.1. A reading is known by (topic, boot, seq).",
            "license": {"name": "MIT", "url": "https://spdx.org/licenses/MIT.html"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "plain": _server("mqtt", "1883", "A broker on the plant's own network."),
            "tls": _server("secure-mqtt", "8883", "A broker reached through TLS."),
        },
        "channels": channels,
        "operations": operations,
        "components": {
            "parameters": {
                "site": {"description": "The site, e.g. factory.", "examples": ["factory"]},
                "floor": {"description": "The floor or area, e.g. floor-2.", "examples": ["floor-2"]},
                "machine": {"description": "The machine, e.g. machine-42.", "examples": ["machine-42"]},
            },
            "messages": _messages(),
            "schemas": {
                **{kind.name: reading_of(kind) for kind in QUANTITIES},
                STATUS: status_body(),
                HEALTH: health_body(),
                MARK: mark_body(),
                COMMAND: command_body(),
                CAPTURE: capture_body(),
            },
        },
    }


def _server(protocol: str, port: str, description: str) -> Schema:
    return {
        "host": "{broker}:{port}",
        "protocol": protocol,
        "protocolVersion": "3.1.1",
        "description": description,
        "variables": {
            "broker": {"default": "localhost", "description": "Name or address of the broker."},
            "port": {"default": port},
        },
    }


def _channel(leaf: str, messages: list[str], description: str) -> Schema:
    return {
        "address": f"{{site}}/{{floor}}/{{machine}}/{leaf}",
        "description": description,
        "parameters": {name: {"$ref": f"#/components/parameters/{name}"} for name in ("site", "floor", "machine")},
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _received(leaf: str, summary: str) -> Schema:
    return {
        "action": "receive",
        "summary": summary,
        "channel": {"$ref": f"#/channels/{leaf}"},
        "messages": [{"$ref": f"#/channels/{leaf}/messages/{leaf}"}],
        "bindings": {"mqtt": {"qos": 1, "bindingVersion": "0.2.0"}},
    }


def _messages() -> Schema:
    messages = {}
    for kind in QUANTITIES:
        good = Reading(kind, int(kind.scale * 12.5), TS, boot=BOOT, seq=345)
        if kind.features:
            good.features = [(i + 1) * 10**decimals for i, (_name, _unit, decimals) in enumerate(kind.features)]
        fault = Reading(kind, None, TS, FAULT, "the sensor does not answer", boot=BOOT, seq=346)
        messages[kind.name] = _message(
            f"A reading of {kind.name}", kind.name, {"good": encode(good), "sensor fault": encode(fault)}
        )
    series = [(kind, "bme280@0x76", 1000, 1) for kind in QUANTITIES[:3]]
    birth = status.birth(BOOT, TS, "0.1.0", "RPI_PICO_W", series, (("humidity", 2),))
    crashed = (11, 10, 3, "sampler", "rest", "ValueError: x", "floornode/sampler.py, line 84, in take")
    crash = dict(zip(status.CRASH, crashed, strict=True))
    why = ("reset", "given", True, "10 crashes in a row, the last: ValueError: x", crash)
    safe = status.birth(BOOT, TS, "0.1.0", "RPI_PICO_W", (), (), (), *why)
    messages["birth"] = _message("Published each time a board has connected", "status", {"birth": birth, "safe mode": safe})
    messages["will"] = _message("Published by the broker that lost the board", "status", {"will": status.will(BOOT)})
    last_word = status.last_word(BOOT, TS)
    messages["lastWord"] = _message("Published by a board that is stopped", "status", {"stopped": last_word})
    words = (BOOT, TS, 3600, "power-on", "given", 98304, 90112, 12, -61, 2, 4500, None, 0, 10800, 0, 9, 2, 0, 0, "sntp", 35)
    said = health.encode(*words, 12345, None)
    messages[HEALTH] = _message("Published each minute, or as the settings say", HEALTH, {"health": said})
    lives = [mark.Life(BOOT, 299, [(300, 310)], 345), mark.Life(BOOT - 1, 99)]
    messages["mark"] = _message("What the storage holds", "mark", {"mark": mark_pages.encode({"temperature": lives}).encode()})
    ask = {"ask": command.encode("vibration", ID), "ask again": command.encode("vibration", ID, (2, 5))}
    messages[COMMAND] = _message("A request for a raw window", COMMAND, ask)
    window = capture.head(ID, "vibration", (BOOT, 77, TS, 0), "adxl345@spi0", (4096, 3187412, 3906250), 3610294841)
    messages["captureHead"] = _message("What the window is", CAPTURE, {"head": window})
    data = bytes(range(12))
    piece = capture.chunk(ID, 0, binascii.crc32(data), binascii.b2a_base64(data, newline=False))
    messages["captureChunk"] = _message("Some of its samples", CAPTURE, {"chunk": piece})
    no = capture.refusal(ID, "another window is under way; try again in a moment")
    messages["captureRefusal"] = _message("Why there is none", CAPTURE, {"refusal": no})
    return messages


def _message(title: str, schema: str, examples: dict[str, bytes]) -> Schema:
    return {
        "title": title,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{schema}"},
        "examples": [{"name": name, "payload": json.loads(payload)} for name, payload in examples.items()],
    }
