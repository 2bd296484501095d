"""Blocks of records: the same comes out as went in, in few bytes, and what is damaged is known."""

import struct

from floornode.contract.quantities import QUANTITIES
from floornode.contract.reading import FAULT, REPLAYED, Reading
from floornode.record import HEADER_SIZE, RECORD_LIMIT, pack
from floornode.store.codec import BLOCK_HEADER, BLOCK_LIMIT, Decoder, Encoder, is_whole

VIBRATION = 3


def encoded(readings, sent=()):
    """One block of ``(series index, Reading)``, as many as fit: ``(bytes, records in it)``."""
    encoder = Encoder(len(QUANTITIES))
    record = bytearray(RECORD_LIMIT)
    records = []
    encoder.begin(readings[0][1].boot, readings[0][1].ts)
    for i, (index, reading) in enumerate(readings):
        pack(reading, index, record)
        if not encoder.add(record, i in sent):
            break
        records.append(bytes(record[: HEADER_SIZE + record[2]]))
    return bytes(encoder.buffer[: encoder.end(77)]), records


def decoded(block):
    """``(records without the mark of a replay, which of them were acknowledged)``."""
    decoder = Decoder(len(QUANTITIES))
    decoder.buffer[: len(block)] = block
    _kind, count, length, _first, _crc = struct.unpack_from(BLOCK_HEADER, block, 0)
    assert is_whole(decoder.buffer, length)
    decoder.open(count)
    record = bytearray(RECORD_LIMIT)
    records = []
    sent = []
    while True:
        size = decoder.next(record)
        if not size:
            return records, sent
        assert record[1] & REPLAYED
        record[1] &= ~REPLAYED & 0xFF
        records.append(bytes(record[:size]))
        if decoder.is_sent:
            sent.append(len(records) - 1)


def reading(index, value, ts, seq, flags=0, reason=None, features=None, boot=186000000):
    return index, Reading(QUANTITIES[index], value, ts, flags, reason, features, boot, seq)


def test_the_extremes_of_every_field_come_back():
    wild = [
        reading(0, -(2**31), 0, 2**32 - 1),
        reading(0, 2**31 - 1, 2**63, 0, 2 | 8),
        reading(1, None, 1, 5, FAULT, "x" * 96),
        reading(1, None, 1, 6, FAULT, "x" * 96),
        reading(1, 0, 2, 9),
        reading(VIBRATION, 1, 3, 0, 0, None, (-(2**31), 2**31 - 1, 0, -1)),
        reading(VIBRATION, 1, 3, 1, 4, None, (2**31 - 1, -(2**31), 1, 1)),
        reading(VIBRATION, None, 3, 2, FAULT, "sixteen bytes.."),
        reading(VIBRATION, 1, 3, 3, 0, None, (1, 2, 3, 4)),
    ]
    at = 0
    while at < len(wild):
        block, records = encoded(wild[at:])
        assert records
        assert decoded(block) == (records, [])
        at += len(records)


def test_what_was_acknowledged_stays_marked():
    block, records = encoded([reading(0, i, i * 10, i) for i in range(20)], (3, 4, 19))
    assert decoded(block) == (records, [3, 4, 19])


def test_a_block_never_grows_past_its_limit_whatever_is_in_it():
    for extra in range(0, 97, 7):
        readings = [reading(i % 4, None, i << 60 & 2**62, i << 20, FAULT, chr(97 + i % 26) * extra) for i in range(300)]
        block, records = encoded(readings)
        assert len(block) <= BLOCK_LIMIT
        assert 0 < len(records) < 256
        assert decoded(block)[0] == records


def test_every_flipped_bit_is_noticed():
    block, _records = encoded([reading(i % 3, i, 1764000000000 + i, i // 3) for i in range(30)])
    for bit in range(8 * len(block)):
        damaged = bytearray(block)
        damaged[bit // 8] ^= 1 << bit % 8
        _kind, _count, length, _first, _crc = struct.unpack_from(BLOCK_HEADER, damaged, 0)
        damaged += bytes(BLOCK_LIMIT)
        assert length > BLOCK_LIMIT - 16 or not is_whole(damaged[:BLOCK_LIMIT], length), bit


def test_climate_takes_under_five_bytes_a_reading_where_a_block_is_a_minute():
    readings = [
        reading(index, base + (i * 7919 % span), 1764000000000 + i * 10000 + i * 31 % 9, 100000 + i)
        for i in range(6)
        for index, base, span in ((0, 2350, 7), (1, 101300, 13), (2, 4500, 61))
    ]
    block, records = encoded(readings)
    assert len(records) == 18
    assert len(block) <= 18 * 5


def test_vibration_takes_under_fifteen_bytes_a_reading_in_a_full_block():
    def value(i, base, span):
        return base + i * 7919 % 16381 % span

    readings = [
        reading(
            VIBRATION,
            value(i, 4500, 300),
            1764000000000 + i * 60000,
            100000 + i,
            0,
            None,
            (value(i, 1200, 100), value(i, 4000, 900), value(i, 3333, 500), value(i, 3010, 300)),
        )
        for i in range(100)
    ]
    block, records = encoded(readings)
    assert len(records) > 30
    assert len(block) <= len(records) * 15
