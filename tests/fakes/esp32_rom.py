"""The boot ROM of an ESP32, S3 or C3 on a line, byte for byte, with the flash chip behind it.

From Espressif's "Serial Protocol" (esptool's documentation) and the chips' technical reference manuals: SLIP frames, a
request of direction 0, op, length, checksum, a response of direction 1, op, length, value, data and four status bytes.
The flash is NOR: erasing sets bits and writing clears them, so that a write without an erase shows.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass

from lines import Player

_END, _ESC = 0xC0, 0xDB
FLASH_BEGIN, FLASH_DATA, FLASH_END, MEM_BEGIN, MEM_END, MEM_DATA = 0x02, 0x03, 0x04, 0x05, 0x06, 0x07
SYNC, WRITE_REG, READ_REG, SET_PARAMS, SPI_ATTACH, CHANGE_BAUD = 0x08, 0x09, 0x0A, 0x0B, 0x0D, 0x0F
DEFL_BEGIN, DEFL_DATA, DEFL_END, FLASH_MD5, SECURITY_INFO = 0x10, 0x11, 0x12, 0x13, 0x14
ERASE_FLASH, ERASE_REGION = 0xD0, 0xD1
# Status: failed, and why.
OK, INVALID, CHECKSUM, FAILED = b"\x00\x00", b"\x01\x05", b"\x01\x07", b"\x01\x06"
# SLIP: the frame's own marks, escaped.
_HEADER = struct.Struct("<BBHI")
SECTOR = 4096
_USR = 1 << 18
_RDID, _SFDP = 0x9F, 0x5A


@dataclass(frozen=True)
class Chip:
    """``registers`` that esptool recognises it by, ``spi`` (base, USR2 offset, W0 offset), and its id, where it says one."""

    name: str
    registers: dict
    spi: tuple
    chip_id: object = None


CHIPS = {
    # The ROM's word at 0x40001000; eFuses with a MAC; a calibrated 40 MHz crystal (RTCCALICFG1 and CK8M_FREQ).
    "esp32": Chip(
        "esp32",
        {
            0x40001000: 0x00F01D83,
            0x3FF5A004: 0x24D7EB10,
            0x3FF5A008: 0x0000A0B7,
            0x3FF5A010: 100,
            0x3FF5F06C: 1024 << 7,
            0x3FF40014: 347,
        },
        (0x3FF42000, 0x24, 0x80),
    ),
    "esp32s3": Chip("esp32s3", {0x60007044: 0xEB100001, 0x60007048: 0x24D7}, (0x60002000, 0x20, 0x58), 9),
    "esp32c3": Chip("esp32c3", {0x60008844: 0xEB100002, 0x60008848: 0x24D7}, (0x60002000, 0x20, 0x58), 5),
}


class Esp32Rom(Player):
    """A chip in its boot ROM.

    ``rot``: an address whose byte the flash does not hold. ``deaf``: it never answers. ``lose_answer_to``: the end of its
    first answer to that data block is lost. ``secure``: secure download mode. ``runs_stub``: what is loaded into its RAM
    answers as esptool's stub does; else it starts and stays silent. ``unplug_at``: the cable is pulled at that data block.
    ``chatter``: it sends this instead of listening, as a program does.
    """

    def __init__(
        self,
        line,
        chip="esp32",
        flash_mb=4,
        rot=None,
        deaf=False,
        lose_answer_to=None,
        secure=False,
        runs_stub=False,
        unplug_at=None,
        chatter=b"",
    ):
        super().__init__(line)
        self.chip = CHIPS[chip]
        self.flash = bytearray(b"\xa5" * (flash_mb << 20))
        self.ops = []
        self.baud = 115200
        self.ram = {}
        self._rdid = 0x1640EF + ((flash_mb.bit_length() - 3) << 16)
        self._registers = dict(self.chip.registers)
        self._rot, self._deaf, self._secure, self._runs_stub = rot, deaf, secure, runs_stub
        self._lose_answer_to, self._unplug_at, self._chatter = lose_answer_to, unplug_at, chatter
        self._frame = None
        self._escaped = False
        self._stub = False
        self._at = 0
        self._seq = 0
        self._limit = 2 << 20
        self._inflate = None
        self._load = 0

    def hear(self, data):
        if self._deaf:
            return
        for byte in data:
            if byte == _END:
                if self._frame:
                    self._answer(bytes(self._frame))
                self._frame = bytearray()
            elif self._frame is not None:
                if self._escaped:
                    self._frame.append({0xDC: _END, 0xDD: _ESC}[byte])
                    self._escaped = False
                elif byte == _ESC:
                    self._escaped = True
                else:
                    self._frame.append(byte)

    def tick(self):
        if self._chatter:
            self.line.write(self._chatter)

    def _answer(self, frame):
        if len(frame) < 8 or self._chatter:
            return
        direction, op, length, checksum = _HEADER.unpack(frame[:8])
        body = frame[8:]
        if direction != 0 or length != len(body):
            return
        self.ops.append(op)
        if op == SYNC:
            for _ in range(8):
                self._reply(op, value=0 if self._stub else 0x20120707)
            return
        if self._secure and op in (READ_REG, WRITE_REG, MEM_BEGIN, FLASH_MD5):
            self._reply(op, status=INVALID)
            return
        method = getattr(self, "_op_%02x" % op, None)
        if method is None or (op >= ERASE_FLASH and not self._stub):
            self._reply(op, status=INVALID)
            return
        if op in (FLASH_DATA, DEFL_DATA, MEM_DATA):
            self._data(op, body, checksum, method)
        else:
            method(op, body)

    def _data(self, op, body, checksum, method):
        length, seq = struct.unpack("<II", body[:8])
        data = body[16:]
        found = 0xEF
        for byte in data:
            found ^= byte
        if length != len(data) or found != checksum:
            self._reply(op, status=CHECKSUM)
        elif op != MEM_DATA and self._unplug_at is not None and seq >= self._unplug_at:
            self.line.close()
        elif seq not in (self._seq, self._seq - 1):
            self._reply(op, status=FAILED)
        else:
            # A block that comes twice, because its answer was lost, is written once.
            if seq == self._seq:
                method(op, data)
                self._seq += 1
            if seq == self._lose_answer_to and op != MEM_DATA:
                self._lose_answer_to = None
                self.line.write(b"\xc0\x01")
            else:
                self._reply(op)

    def _reply(self, op, value=0, data=b"", status=OK):
        body = data + status + (b"" if self._stub else b"\x00\x00")
        self._send(_HEADER.pack(1, op, len(body), value) + body)

    def _send(self, packet):
        escaped = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self.line.write(b"\xc0" + escaped + b"\xc0")

    def _write(self, data):
        """Into the flash, as NOR does; false beyond its end."""
        end = self._at + len(data)
        if end > len(self.flash) or end > self._limit:
            return
        for i, byte in enumerate(data, self._at):
            self.flash[i] &= byte
        if self._rot is not None and self._at <= self._rot < end:
            self.flash[self._rot] ^= 0x10
        self._at = end

    def _erase(self, at, size):
        start = at - at % SECTOR
        end = min(-(-(at + size) // SECTOR) * SECTOR, len(self.flash))
        self.flash[start:end] = b"\xff" * (end - start)

    def _op_02(self, op, body):
        size, _blocks, _block_size, self._at = struct.unpack("<4I", body[:16])
        # The ESP32's ROM has four words here, later ones five.
        if not self._stub and len(body) != (16 if self.chip.chip_id is None else 20):
            self._reply(op, status=INVALID)
            return
        self._seq = 0
        # A ROM erases up front; the stub as it writes, a sector before each.
        self._erase(self._at, size)
        self._reply(op)

    def _op_10(self, op, body):
        self._inflate = zlib.decompressobj()
        self._op_02(op, body)

    def _op_03(self, op, data):
        self._write(data)

    def _op_11(self, op, data):
        self._write(self._inflate.decompress(data))

    def _op_04(self, op, body):
        self._reply(op)

    _op_12 = _op_04

    def _op_05(self, op, body):
        _size, _blocks, _block_size, self._load = struct.unpack("<4I", body)
        self._seq = 0
        self._reply(op)

    def _op_07(self, op, data):
        self.ram.setdefault(self._load, bytearray()).extend(data)

    def _op_06(self, op, body):
        _stay, entry = struct.unpack("<II", body)
        self._reply(op)
        loaded = any(start <= entry < start + len(code) for start, code in self.ram.items())
        if self._runs_stub and loaded:
            self._stub = True
            self._limit = len(self.flash)
            self._send(b"OHAI")

    def _op_09(self, op, body):
        for at in range(0, len(body), 16):
            address, value, mask, _delay = struct.unpack("<4I", body[at : at + 16])
            self._registers[address] = (self._registers.get(address, 0) & ~mask) | (value & mask)
            if address == self.chip.spi[0] and value & _USR:
                self._spi()
        self._reply(op)

    def _spi(self):
        """The SPI controller's user command: RDID gives the flash's size, SFDP its signature."""
        base, usr2, w0 = self.chip.spi
        command = self._registers.get(base + usr2, 0) & 0xFF
        address = self._registers.get(base + 4, 0)
        answers = {_RDID: self._rdid, _SFDP: 0 if address else 0x50444653}
        self._registers[base + w0] = answers.get(command, 0)
        self._registers[base] = 0

    def _op_0a(self, op, body):
        self._reply(op, value=self._registers.get(struct.unpack("<I", body)[0], 0))

    def _op_0b(self, op, body):
        self._limit = struct.unpack("<6I", body)[1]
        self._reply(op)

    def _op_0d(self, op, body):
        self._reply(op)

    def _op_0f(self, op, body):
        self.baud = struct.unpack("<II", body)[0]
        self._reply(op)

    def _op_13(self, op, body):
        at, size = struct.unpack("<4I", body)[:2]
        digest = hashlib.md5(self.flash[at : at + size])
        self._reply(op, data=digest.digest() if self._stub else digest.hexdigest().encode())

    def _op_14(self, op, body):
        if self.chip.chip_id is None:
            self._reply(op, status=INVALID)
        else:
            flags = 4 if self._secure else 0
            self._reply(op, data=struct.pack("<IB7BII", flags, 0, *bytes(7), self.chip.chip_id, 0))

    def _op_d0(self, op, body):
        self._erase(0, len(self.flash))
        self._reply(op)

    def _op_d1(self, op, body):
        self._erase(*struct.unpack("<II", body))
        self._reply(op)
