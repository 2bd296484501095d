"""The processor: its reset reasons, its memory that outlives the power (the file `nvm`), its watchdog."""

import os
import signal
from pathlib import Path

from watchdog import WatchDogTimer


class Pin:
    def __init__(self):
        pass


class ResetReason:
    POWER_ON = "POWER_ON"
    BROWNOUT = "BROWNOUT"
    SOFTWARE = "SOFTWARE"
    DEEP_SLEEP_ALARM = "DEEP_SLEEP_ALARM"
    RESET_PIN = "RESET_PIN"
    WATCHDOG = "WATCHDOG"
    UNKNOWN = "UNKNOWN"
    RESCUE_DEBUG = "RESCUE_DEBUG"


class Processor:
    def __init__(self):
        self.reset_reason = ResetReason.POWER_ON
        self.uid = bytearray(8)


class _ByteArray:
    """nvm.ByteArray over a file."""

    _SIZE = 64

    def __init__(self):
        self._file = Path("nvm")

    def _held(self):
        return bytearray(self._file.read_bytes()) if self._file.exists() else bytearray(b"\xff" * self._SIZE)

    def __bool__(self):
        return True

    def __len__(self):
        return self._SIZE

    def __getitem__(self, index):
        return self._held()[index]

    def __setitem__(self, index, value):
        held = self._held()
        held[index] = value
        assert len(held) == self._SIZE
        self._file.write_bytes(held)


cpu = Processor()
nvm = _ByteArray()
watchdog = WatchDogTimer()


def reset():
    os.kill(os.getpid(), signal.SIGUSR1)
