"""UF2 files: built block by block by the test, and refused for whatever is wrong in any of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import images
from floorsense.boards import Board, load
from floorsense.errors import UsageError
from floorsense.flashing import uf2

PICO_W, PICO2_W = load("RPI_PICO_W"), load("RPI_PICO2_W")
FIRMWARE = images.noise(256 * 5 - 100)
GOOD = images.uf2(FIRMWARE)
GOOD_2350 = images.uf2(FIRMWARE, images.RP2350, erratum=True)


def test_a_good_file_says_what_it_writes() -> None:
    assert uf2.check(GOOD, PICO_W) == uf2.Extent(5, 0x10000000, 0x10000500)


def test_the_block_that_an_erratum_of_the_rp2350_asks_for_is_not_counted() -> None:
    assert uf2.check(GOOD_2350, PICO2_W) == uf2.Extent(5, 0x10000000, 0x10000500)
    assert uf2.check(images.uf2(FIRMWARE, images.RP2350), PICO2_W).blocks == 5


def test_a_file_that_fills_the_flash_to_its_last_page_is_taken() -> None:
    assert PICO_W.flash_bytes
    full = images.uf2(bytes(PICO_W.flash_bytes))
    assert uf2.check(full, PICO_W).end == 0x10000000 + PICO_W.flash_bytes


def refused(data: bytes, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as error:
        uf2.check(data, PICO_W)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is no UF2 file: 0 bytes"),
        (GOOD[:-1], "is no UF2 file: 2559 bytes are not whole blocks"),
        (b"\xe9" * 1024, "block 0: the magic numbers are not there"),
        (GOOD[:-512], "block 0: says that there are 5 blocks, and there are 4"),
        (GOOD[512:] + GOOD[:512], "block 0: is numbered 1, should be 0"),
        (GOOD_2350, "block 1: is for the family 0xe48bff59"),
        (GOOD_2350[:512], "writes nothing"),
        (GOOD[:512] * 5, "block 1: is numbered 0, should be 1"),
        (images.uf2(bytes(2 * 1024 * 1024 + 256)), r"block 8192: writes to 0x10200000, outside the flash"),
    ],
    ids=["empty", "torn", "not UF2", "end missing", "turned", "other chip", "erratum only", "repeated", "too large"],
)
def test_what_is_wrong_is_named_with_its_block(data: bytes, reason: str) -> None:
    refused(data, reason)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flags": 0}, "names no family"),
        ({"flags": 0x2001}, "is not for the flash"),
        ({"family": 0xADA52840}, "is for the family 0xada52840"),
        ({"size": 476}, "carries 476 bytes, should be 256"),
        ({"address": images.FLASH + 256 + 4}, "or between its pages"),
        ({"address": images.FLASH - 256}, "outside the flash"),
        ({"address": 0x20000000}, "outside the flash"),
        ({"address": images.FLASH}, "writes 0x10000000 after 0x10000000"),
        ({"address": images.FLASH + 512}, "leaves a hole before 0x10000200"),
        ({"count": 3}, "says that there are 3 blocks, and there are 2"),
        ({"number": 2}, "is numbered 2, should be 1"),
    ],
)
def test_every_field_of_a_block_is_held_against_the_board(change: dict, reason: str) -> None:
    first = images.uf2_block(bytes(256), images.FLASH, 0, 2, images.RP2040)
    fields = {"address": images.FLASH + 256, "number": 1, "count": 2, "family": images.RP2040, **change}
    refused(first + images.uf2_block(bytes(256), **fields), f"block 1: .*{reason}")


def test_a_file_that_leaves_out_the_start_of_the_flash_is_no_firmware() -> None:
    refused(
        images.uf2_block(bytes(256), images.FLASH + 0x1000, 0, 1, images.RP2040),
        "block 0: starts at 0x10001000, not at the flash's start",
    )


def test_a_firmware_may_leave_out_whole_sectors() -> None:
    pages = [images.uf2_block(bytes(256), images.FLASH + at, i, 2, images.RP2040) for i, at in enumerate((0, 0x2000))]
    assert uf2.check(b"".join(pages), PICO_W).end == images.FLASH + 0x2100


@pytest.mark.parametrize("address", [images.FLASH, images.FLASH + 0x400, 0x10FFFF04, 0x11000000, 0x20000000])
def test_the_block_of_the_erratum_is_refused_where_it_would_do_harm(address: int) -> None:
    block = images.uf2_block(b"\xef" * 256, address, 0, 2, images.ABSOLUTE)
    with pytest.raises(UsageError, match=r"UF2 block 0: is the RP2350's own, and writes to 0x"):
        uf2.check(block + GOOD_2350[512:], PICO2_W)


@pytest.mark.parametrize(("good", "board"), [(GOOD, PICO_W), (GOOD_2350, PICO2_W)], ids=["RP2040", "RP2350"])
def test_no_file_with_any_bit_flipped_outside_the_payload_is_taken_for_the_good_one(good: bytes, board: Board) -> None:
    taken = set()
    for block in range(len(good) // 512):
        for at in [*range(32), *range(508, 512)]:
            for bit in range(8):
                spoilt = bytearray(good)
                spoilt[512 * block + at] ^= 1 << bit
                try:
                    assert uf2.check(bytes(spoilt), board) == uf2.check(good, board)
                except UsageError:
                    continue
                taken.add((block if is_erratum(good, block) else "any", at, bit))
    # Flags that say more of a block (a checksum, an extension) change nothing of what is written, and the erratum's block may
    # lie anywhere behind the firmware.
    elsewhere = {(block, at, bit) for block, at, bit in taken if block == 0 and 12 <= at < 16}
    flags = {(block, at, bit) for block, at, bit in taken if 8 <= at < 12}
    assert taken == elsewhere | flags
    assert not {(block, at, bit) for block, at, bit in flags if block == "any"} & {("any", 8, 0), ("any", 9, 5)}
    assert {at for _, at, _bit in elsewhere} <= {13, 14}


def is_erratum(good: bytes, block: int) -> bool:
    return block == 0 and good is GOOD_2350


@given(cut=st.integers(0, len(GOOD) - 1))
def test_no_beginning_of_a_file_is_taken_for_the_whole(cut: int) -> None:
    with pytest.raises(UsageError):
        uf2.check(GOOD[:cut], PICO_W)


@given(order=st.permutations(range(5)).filter(lambda order: list(order) != sorted(order)))
def test_no_other_order_of_the_blocks_is_taken(order: list[int]) -> None:
    with pytest.raises(UsageError):
        uf2.check(b"".join(GOOD[512 * i : 512 * (i + 1)] for i in order), PICO_W)


@given(st.binary(max_size=2048))
def test_whatever_comes_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(UsageError) as error:
        uf2.check(data, PICO_W)
    assert "\n" not in str(error.value)
