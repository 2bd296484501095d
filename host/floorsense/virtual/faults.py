"""What goes wrong on a virtual board's cable and flash."""

from dataclasses import dataclass

# An ESP32's boot ROM speaks at its own speed first; what arrives is this and some garbage.
BOOT_NOISE = (
    b"\xc0\xfe\x8e\x00\xe4\x9f\x1c\xff\x03\r\nets Jul 29 2019 12:21:46\r\n\r\n"
    b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0, SPIWP:0xee\r\n"
    b"mode:DIO, clock div:2\r\nload:0x3fff0030,len:4892\r\nentry 0x400805b4\r\n"
)


@dataclass(frozen=True)
class Faults:
    """Counts are of bytes from the host, over the board's life; 0 is never.

    ``drop_every``: of so many bytes one is lost. ``stall_after``: from then on the board is deaf and dumb, the port stays.
    ``unplug_after``: power and port go. ``cut_write``: the power goes in the middle of that block write of a start.
    ``noise``: the boot ROM's words at each start.
    """

    drop_every: int = 0
    stall_after: int = 0
    unplug_after: int = 0
    cut_write: int = 0
    noise: bool = False
