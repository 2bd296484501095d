"""A floor with something to see: half an hour of a dozen machines, of which some are not well."""

import math

from factory_readings import arrival, now_ms, state

from floorsense.storage import Store

SITE = "factory"
_MINUTE_MS = 60_000


def play(store: Store, minutes: int = 30) -> None:
    """Store it, up to now. Three machines alert, one is lost, one fell silent."""
    now = now_ms()
    for number, machine in enumerate(_machines()):
        seq = dict.fromkeys(("temperature", "pressure", "humidity", "vibration"), 0)
        batch = []
        last = now - 9 * _MINUTE_MS if machine.endswith("press-12") else now
        for ts in range(now - minutes * _MINUTE_MS, last + 1, 5000):
            for name, value in _values(number, machine, (ts - now) / _MINUTE_MS).items():
                batch.append(arrival(seq[name], topic=f"{machine}/{name}", ts_ms=ts, arrived=ts, value=round(value, 3)))
                seq[name] += 1
        for at in range(0, len(batch), 1000):
            store.put_readings(batch[at : at + 1000])
        store.put_states([state(machine, **_birth(seq, now - minutes * _MINUTE_MS))])
    store.put_states([state(f"{SITE}/floor-2/mixer-7", status="lost", boot=1)])


def _machines() -> list[str]:
    names = ("floor-1/lathe-41", "floor-1/lathe-42", "floor-1/press-11", "floor-1/press-12", "floor-1/furnace-3")
    more = ("floor-2/pump-5", "floor-2/pump-6", "floor-2/mixer-7", "floor-2/fan-1", "floor-2/fan-2", "floor-3/compressor-1")
    return [f"{SITE}/{name}" for name in (*names, *more, "floor-3/dryer-2")]


def _values(number: int, machine: str, minute: float) -> dict[str, float]:
    """``minute``: before now, negative."""
    wave = math.sin(minute / (2 + number % 3) + number)
    told = {"temperature": 41 + 3 * number % 11 + 1.8 * wave + 0.4 * math.sin(minute * 7)}
    if machine.endswith("furnace-3"):
        told["temperature"] = 79 + 9.5 * max(0.0, 1 + minute / 12) + 0.3 * wave
    if "pump" in machine or "fan" in machine or "compressor" in machine:
        told["vibration"] = (1.1 + 0.12 * number + 0.1 * wave) * (
            1 + 3.2 * max(0.0, 1 + minute / 18) * machine.endswith("pump-5")
        )
        told["vibration"] *= 2.1 if machine.endswith("compressor-1") else 1
    else:
        told["pressure"] = 1004 + 5 * math.sin(minute / 11 + number)
        told["humidity"] = 44 + 9 * math.sin(minute / 9 + 2 * number)
    return told


def _birth(seq: dict[str, int], ts: int) -> dict[str, object]:
    units = {"temperature": "C", "pressure": "hPa", "humidity": "%", "vibration": "mm/s"}
    told = {name: {"unit": units[name], "sensor": "bme280@0x76", "period": 5, "qos": 1} for name, count in seq.items() if count}
    return {
        "status": "online",
        "boot": 1,
        "ts": ts / 1000,
        "firmware": "0.1.0",
        "contract": 1,
        "board": "RPI_PICO_W",
        "readings": told,
        "reset": "power-on",
    }
