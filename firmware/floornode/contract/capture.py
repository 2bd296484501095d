"""A raw window on its way, on ``SITE/FLOOR/MACHINE/capture``: what it is, then its samples in chunks; or why there is none.

::

    {"id":"5f3a9c01","capture":"vibration","boot":12,"seq":77,"ts":1706900001.250,"sensor":"adxl345@spi0","rate":3187.412,
     "scale":0.00390625,"samples":4096,"chunks":16,"crc":3610294841}
    {"id":"5f3a9c01","chunk":0,"crc":2144033245,"data":"/v8AAAEA..."}
    {"id":"5f3a9c01","refused":"no window was taken yet"}

- ``boot``, ``seq``, ``ts``: of the reading that was made of it; ``quality`` besides, where something was wrong with that;
- ``rate``: the samples' true one, in Hz; ``scale``: g of one step;
- ``data``: CHUNK bytes of signed 16-bit samples, little-endian, the last chunk what is left, in Base64 (RFC 4648, section 4);
- ``crc``: CRC-32 (ITU-T V.42, as zlib's) of a chunk's bytes before Base64, or of all samples.

``captured`` reads it: a board only writes.
"""

from .reading import quality
from .text import decimal, escape

# Bytes of samples in a chunk.
CHUNK = 512


def head(id, name, reading, sensor, window, crc):
    """The payload as bytes of what a window is.

    ``reading``: ``(boot, seq, ts in ms, flags)``; ``window``: ``(samples, mHz, billionths of g a step)``.
    """
    boot, seq, ts, flags = reading
    count, rate, unit = window
    text = '{"id":"%s","capture":"%s","boot":%d,"seq":%d,"ts":%d.%03d' % (id, name, boot, seq, ts // 1000, ts % 1000)
    if flags:
        text += ',"quality":["%s"]' % '","'.join(quality(flags))
    text += ',"sensor":%s,"rate":%s,"scale":%s' % (escape(sensor), decimal(rate, 3), decimal(unit, 9))
    return (text + ',"samples":%d,"chunks":%d,"crc":%d}' % (count, chunks_of(count), crc)).encode()


def chunk(id, number, crc, data):
    """The payload as bytes of one chunk; ``data``: its samples in Base64, as bytes."""
    return ('{"id":"%s","chunk":%d,"crc":%d,"data":"' % (id, number, crc)).encode() + data + b'"}'


def refusal(id, why):
    """The payload as bytes for an asker who gets nothing."""
    return ('{"id":"%s","refused":%s}' % (id, escape(why))).encode()


def chunks_of(samples):
    """In how many chunks so many samples go."""
    return -(-2 * samples // CHUNK)
