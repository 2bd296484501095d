"""A stream thinned out: the low-pass, and the envelope of a band."""

import math
from array import array

from floornode.dsp.fft import Fft
from floornode.dsp.spectrum import Spectrum
from floornode.dsp.stream import Decimator, Envelope, Thinner
from waves import number, samples, signed

RATE = 26667


def feed(taker, window, piece):
    at = 0
    while at < len(window) and taker.room() > 0:
        until = min(len(window), at + piece, at + taker.room())
        taker.take(window, at, until)
        at = until


def test_a_decimated_line_is_weakened_by_the_response_that_is_told():
    for hz in (50, 400, 1000):
        out = array("H", bytes(2 * 512))
        decimator = Decimator(3, out)
        feed(decimator, samples(4160, RATE, [(8000, hz, 0.2)], offset=2000), 130)
        assert decimator.count == 512
        spectrum = Spectrum(Fft(512))
        spectrum.fft.run(out)
        found = number(spectrum.rms(1, 250)) * 2**0.5 / 8000
        assert abs(found / decimator.response(hz * 8 / RATE) - 1) < 0.01, (hz, found)


def test_the_pieces_in_which_a_stream_comes_change_nothing():
    window = samples(2600, RATE, [(3000, 700, 0)], offset=-500, noise=90)
    outs = []
    for piece in (1, 7, 256, 2600):
        out = array("H", bytes(2 * 300))
        envelope = Envelope(array("H", bytes(2 * 150)), 2, 1)
        feed(Decimator(3, out), window, piece)
        feed(envelope, window, piece)
        outs.append((list(out), list(envelope.out)))
    assert outs[0] == outs[1] == outs[2] == outs[3]


def test_a_constant_passes_as_it_is_from_the_first_output_on():
    out = array("H", bytes(2 * 20))
    decimator = Decimator(4, out)
    feed(decimator, samples(500, RATE, [], offset=-1234), 100)
    assert [signed(value) for value in out] == [-1234] * 20


def test_a_decimator_starts_afresh_after_a_gap():
    out = array("H", bytes(2 * 40))
    decimator = Decimator(2, out)
    feed(decimator, samples(100, RATE, [], offset=30000), 100)
    decimator.reset()
    feed(decimator, samples(180, RATE, [], offset=7), 60)
    assert [signed(value) for value in out] == [7] * 40


def test_a_thinned_line_is_weakened_by_the_response_that_is_told():
    for hz in (50, 400, 1000):
        thinner = Thinner(array("H", bytes(2 * 512)))
        window = samples(8 * (512 + Thinner.SETTLING), RATE, [(8000, hz, 0.2)], offset=2000)
        for at in range(0, len(window), 56):
            thinner.take(window, at, min(at + 56, len(window)))
        assert thinner.count == 512
        spectrum = Spectrum(Fft(512))
        spectrum.fft.run(thinner.out)
        found = number(spectrum.rms(1, 250)) * 2**0.5 / 8000
        assert abs(found / thinner.response(hz * 8 / RATE) - 1) < 0.01, (hz, found)


def test_the_pieces_in_which_a_thinner_is_fed_change_nothing():
    window = samples(2600, RATE, [(3000, 700, 0)], offset=-500, noise=90)
    outs = []
    for piece in (1, 7, 64, 256, 2600):
        thinner = Thinner(array("H", bytes(2 * 330)))
        for at in range(0, len(window), piece):
            thinner.take(window, at, min(at + piece, len(window)))
        assert thinner.count == 325 - Thinner.SETTLING
        outs.append(list(thinner.out))
    assert all(out == outs[0] for out in outs)


def test_full_scale_overflows_no_filter():
    # A square wave at the very middle of the envelope's band, from end to end of 16 bits, is the worst that it can be given.
    for half in (1, 2, 3, 4, 5, 30, 700):
        window = array("H", [(32767 if at // half & 1 == 0 else -32768) & 0xFFFF for at in range(2600)])
        thinner, out = Thinner(array("H", bytes(2 * 330))), array("H", bytes(2 * 300))
        thinner.take(window, 0, len(window))
        if half >= 30:
            # What is slower than the filter comes out as it went in, but for its ringing.
            assert max([signed(value) for value in thinner.out]) > 32000
        envelope = Envelope(array("H", bytes(2 * 150)), 2)
        feed(envelope, window, 128)
        feed(Decimator(3, out), window, 128)
        # Nothing that jumps from one end to the other where the signal does not.
        values = [signed(value) for value in out]
        if half <= 4:
            assert max([abs(value) for value in values]) < 3000, half
        assert all(value <= 32767 for value in envelope.out)
        if half == 4:
            assert min(envelope.out[2 * 4 : envelope.count]) > 30000


def test_the_envelope_shows_how_often_a_ringing_is_struck():
    struck = 110
    window = array("H", bytes(2 * 17000))
    for i in range(len(window)):
        since = i % (RATE // struck)
        window[i] = int(9000 * math.exp(-since / 30) * math.sin(2 * math.pi * 3400 * since / RATE)) & 0xFFFF
    out = array("H", bytes(2 * 1024))
    envelope = Envelope(out, 2)
    feed(envelope, window, 256)
    assert envelope.count == 1024
    spectrum = Spectrum(Fft(1024))
    spectrum.fft.run(out)
    spectrum.measure()
    at = spectrum.summit(4, 120)
    assert abs(at * RATE / 16 / 1024 - struck) < 1.7
    assert spectrum.lengths[at] > 20 * spectrum.median(4, 400)


def test_the_envelope_of_a_steady_line_is_its_amplitude():
    out = array("H", bytes(2 * 100))
    feed(Envelope(out, 2), samples(1700, RATE, [(10000, 3340, 0)]), 200)
    for value in out[10:]:
        assert abs(value / 10000 - 1) < 0.02, value


def test_what_lies_outside_the_band_is_hardly_seen():
    out = array("H", bytes(2 * 100))
    feed(Envelope(out, 2), samples(1700, RATE, [(10000, 200, 0)], offset=4000), 200)
    for value in out[10:]:
        assert value < 250, value
