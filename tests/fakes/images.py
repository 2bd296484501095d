"""Images of our own making: UF2 files block by block, and ESP32 images with boot loader, partition table and application."""

import hashlib
import struct

FLASH = 0x10000000
RP2040, RP2350, ABSOLUTE = 0xE48BFF56, 0xE48BFF59, 0xE48BFF57
_CHIP_IDS = {"esp32": 0, "esp32s3": 9, "esp32c3": 5}
_OFFSETS = {"esp32": 0x1000, "esp32s3": 0, "esp32c3": 0}


def uf2_block(payload, address, number, count, family, flags=0x2000, size=256):
    header = struct.pack("<8I", 0x0A324655, 0x9E5D5157, flags, address, size, number, count, family)
    return header + payload.ljust(476, b"\0") + struct.pack("<I", 0x0AB16F30)


def uf2(firmware, family=RP2040, erratum=False):
    """A UF2 file of ``firmware``; with ``erratum``, after the block that RP2350-E10 asks for, as picotool writes it."""
    pages = [firmware[at : at + 256].ljust(256, b"\0") for at in range(0, len(firmware), 256)]
    blocks = [uf2_block(page, FLASH + 256 * i, i, len(pages), family) for i, page in enumerate(pages)]
    first = uf2_block(b"\xef" * 256 + struct.pack("<I", 0x9957E304), 0x10FFFF00, 0, 2, ABSOLUTE, 0xA000)
    return (first if erratum else b"") + b"".join(blocks)


def noise(size, seed=b""):
    """Bytes that do not compress, the same each time."""
    found = b"".join(hashlib.sha256(seed + struct.pack("<I", i)).digest() for i in range(size // 32 + 1))
    return found[:size]


def esp_app(chip, code):
    """An image as the boot ROM and esptool read it: header, one segment, checksum, SHA-256."""
    load = 0x40080000 if chip == "esp32" else 0x40380000
    code = code.ljust(-(-len(code) // 4) * 4, b"\0")
    header = struct.pack("<BBBBI", 0xE9, 1, 2, 0x20, load)
    extended = struct.pack("<B3sHBHH4sB", 0xEE, bytes(3), _CHIP_IDS[chip], 0, 0, 0xFFFF, bytes(4), 1)
    image = header + extended + struct.pack("<II", load, len(code)) + code
    checksum = 0xEF
    for byte in code:
        checksum ^= byte
    image = image.ljust(-(-(len(image) + 1) // 16) * 16 - 1, b"\0") + bytes([checksum])
    return image + hashlib.sha256(image).digest()


def esp_image(chip, size=96 * 1024):
    """A whole one: boot loader at its place, the partition table at 0x8000, the application at 0x10000 behind it."""
    table = struct.pack("<HBBII16sI", 0x50AA, 0, 0, 0x10000, 0x1F0000, b"factory", 0).ljust(0xC00, b"\xff")
    image = esp_app(chip, b"boot loader").ljust(0x8000 - _OFFSETS[chip], b"\xff") + table
    image = image.ljust(0x10000 - _OFFSETS[chip], b"\xff")
    return image + esp_app(chip, noise(max(size - len(image), 64), chip.encode()))
