"""A virtual board: a serial port that MicroPython answers at, through resets and power cuts, as a board on a cable does."""

import contextlib
import json
import os
import pty
import select
import tempfile
import threading
import tty
from pathlib import Path
from typing import Any

from floorsense.boards import Board
from floorsense.paths import BOARDS
from floorsense.toolchain.micropython import compile_tree, find_micropython
from floorsense.virtual.faults import BOOT_NOISE, Faults
from floorsense.virtual.flash import Flash
from floorsense.virtual.vm import Vm

# Objects take 1.6 times as much in a 64-bit VM as on a board (measured); and the models of chips, the block device and the
# buffers of LittleFS live in the same heap as the firmware.
_WIDTH = 1.6
_SIMULATION_BYTES = 64 * 1024
# What nobody reads is dropped, oldest first, as USB does when no program holds the port open.
_UNREAD_BYTES = 1 << 18
_TURN_S = 0.02
_HARDWARE = BOARDS / "SIMULATED"
_UP = b"\x1e"
_SOFT_REBOOT = b"MPY: soft reboot\r\n"
_STALL = "stalled"
_OFF = "off"


class VirtualBoard:
    """``with VirtualBoard(board, flash) as one``: it runs, and ``one.port`` is the path of its serial port.

    ``resets`` lists the reset cause of each start so far, ``received`` counts the bytes from the host. Leaving cuts the power.
    """

    def __init__(
        self, board: Board, flash: Flash, *, simulation: dict[str, Any] | None = None, faults: Faults | None = None
    ) -> None:
        """``simulation``: boards/SIMULATED's script; without it a BME280 in a shop, on the board's first bus."""
        self.board = board
        self.flash = flash
        self.faults = faults or Faults()
        self.resets: list[str] = []
        self.received = 0
        self._script = scene(board) if simulation is None else simulation
        self._rooms = contextlib.ExitStack()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._state = ""
        self._raw = False
        self._typed = b""
        self._said = b""

    def __enter__(self) -> "VirtualBoard":
        self._folder = Path(self._rooms.enter_context(tempfile.TemporaryDirectory(prefix="floorsense-board-")))
        self._vm_path = find_micropython()
        self._hardware = compile_tree(rooms=[_HARDWARE], name="simulated")
        self._cable, self._plug = pty.openpty()
        tty.setraw(self._plug)
        os.set_blocking(self._cable, False)
        self.port = os.ttyname(self._plug)
        self._start("power-on")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.unplug()
        self._thread.join()
        self._rooms.close()

    @property
    def is_powered(self) -> bool:
        return self._state != _OFF

    def unplug(self) -> None:
        """Cut the power; the port goes with it."""
        self._stopped.set()

    def _start(self, cause: str) -> None:
        self.resets.append(cause)
        # An RP2040's register outlives a soft reset; an ESP32 tells of one.
        is_kept = cause == "soft" and not self.board.chip.startswith("ESP32")
        known = next((one for one in reversed(self.resets) if one != "soft"), cause) if is_kept else cause
        script = {**self._script, "reset_cause": known}
        (self._folder / "simulation.json").write_text(json.dumps(script))
        if cause != "soft":
            self._raw = False
            if self.faults.noise:
                self._say(BOOT_NOISE)
        heap = int(self.board.heap_bytes * _WIDTH) + _SIMULATION_BYTES
        arguments = [self._hardware, self.flash.path.resolve(), self.flash.blocks, int(self._raw), self.faults.cut_write]
        command = [str(self._vm_path), "-X", f"heapsize={heap}", "-i", str(_HARDWARE / "power_on.py"), *map(str, arguments)]
        environment = {"PATH": os.environ.get("PATH", ""), "MICROPYPATH": f"{self._hardware}{os.pathsep}.frozen"}
        self._vm = Vm(command, self._folder, environment)
        self._is_up = False

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._turn()
        finally:
            self._state = _OFF
            self._vm.close()
            os.close(self._cable)
            os.close(self._plug)

    def _turn(self) -> None:
        readers = [self._cable] if self._state == _STALL or not self._typed else []
        writers = [self._cable] if self._said else []
        select.select([*readers, self._vm.terminal], writers, [], _TURN_S)
        with contextlib.suppress(BlockingIOError):
            if readers:
                self._hear(os.read(self._cable, 4096))
        if self._state == _STALL:
            return
        self._type()
        self._listen(self._vm.read())
        if self._vm.has_ended():
            self._listen(self._vm.read())
            self._restart()
        with contextlib.suppress(BlockingIOError):
            self._said = self._said[os.write(self._cable, self._said) :] if self._said else b""

    def _hear(self, data: bytes) -> None:
        """Bytes from the host, as the cable delivers them."""
        faults = self.faults
        if faults.drop_every:
            at = self.received
            data = bytes(byte for i, byte in enumerate(data, at + 1) if i % faults.drop_every)
        self.received += len(data)
        if faults.stall_after and self.received >= faults.stall_after:
            self._state = _STALL
        if faults.unplug_after and self.received >= faults.unplug_after:
            self._stopped.set()
        self._typed += data

    def _type(self) -> None:
        """Hand on what the host typed, Ctrl-C as what it is."""
        while self._typed and self._is_up:
            if self._typed[0] == 3:
                self._typed = self._typed[1:]
                self._vm.interrupt()
                continue
            piece = self._typed.partition(b"\x03")[0]
            taken = self._vm.write(piece)
            for byte in piece[:taken]:
                # Ctrl-A and Ctrl-B choose the REPL that a soft reset comes back to. No program's text contains them.
                self._raw = {1: True, 2: False}.get(byte, self._raw)
            self._typed = self._typed[taken:]
            if taken < len(piece):
                return

    def _listen(self, data: bytes) -> None:
        """Bytes from MicroPython."""
        if not self._is_up and _UP in data:
            before, _, after = data.partition(_UP)
            data = before + after
            self._is_up = True
            if self._raw:
                self._vm.write(b"\x01")
        self._say(data)

    def _say(self, data: bytes) -> None:
        self._said = (self._said + data)[-_UNREAD_BYTES:]

    def _restart(self) -> None:
        cause = self._vm.cause()
        self._vm.close()
        if cause is None:
            self._start("power-on") if not self.faults.cut_write else self._stopped.set()
            return
        if cause == "soft":
            self._say(_SOFT_REBOOT)
        self._start(cause)


def scene(board: Board) -> dict[str, Any]:
    """What is wired to a virtual board unless somebody says otherwise: a BME280 in a shop, in reach of every network."""
    signals = {
        "temperature": {"kind": "sine", "mean": 24.0, "amplitude": 3.0, "period_s": 30},
        "pressure": {"kind": "sine", "mean": 1013.25, "amplitude": 2.0, "period_s": 60},
        "humidity": {"kind": "sine", "mean": 45.0, "amplitude": 10.0, "period_s": 45},
    }
    bus = str(board.pins.i2c[0]["id"])
    return {"machine": board.machine, "i2c": {bus: {"118": {"chip": "bme280", "signals": signals}}}}
