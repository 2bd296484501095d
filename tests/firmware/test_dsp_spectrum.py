"""The transform, and what is read from it: the RMS of a band, integrated or not, and lines between bins."""

import math
from array import array

from expect import raises
from floornode.dsp.fft import Fft
from floornode.dsp.spectrum import Spectrum
from waves import number, samples, signed

RATE = 3200


def spectrum_of(window):
    spectrum = Spectrum(Fft(len(window)))
    spectrum.fft.run(window)
    return spectrum


def test_every_bin_is_that_of_the_transform_as_it_is_defined():
    count = 256
    window = samples(count, count, [(900, 20, 0.3), (300, 55.5, 1)], offset=120, noise=40)
    fft = Fft(count)
    fft.run(window)
    plain = [signed(value) for value in window]
    mean = sum(plain) / count
    for k in (1, 2, 19, 20, 21, 55, 64, 100, 127):
        real = imag = 0.0
        for i in range(count):
            value = (plain[i] - mean) * (0.5 - 0.5 * math.cos(2 * math.pi * i / count))
            real += value * math.cos(2 * math.pi * k * i / count)
            imag -= value * math.sin(2 * math.pi * k * i / count)
        unit = (64 << fft.up) / (count / 2)
        # Each stage rounds down, and the factors have 15 bits.
        assert abs(signed(fft.re[k], 32) - real * unit) < 12 + abs(real * unit) / 16384
        assert abs(signed(fft.im[k], 32) - imag * unit) < 12 + abs(imag * unit) / 16384


def test_the_sizes_are_powers_of_two_from_256_to_4096():
    for size in (256, 512, 1024, 2048, 4096):
        assert Fft(size).size == size
    for size in (0, 128, 1000, 8192):
        raises(ValueError, Fft, size, text="power of two")


def test_the_rms_of_a_band_is_that_of_the_line_in_it():
    for amplitude in (10, 100, 3000, 32000):
        spectrum = spectrum_of(samples(1024, RATE, [(amplitude, 163.7, 0.5)]))
        found = number(spectrum.rms(30, 80))
        assert abs(found * 2**0.5 / amplitude - 1) < 0.01 + 0.2 / amplitude, (amplitude, found)
        assert number(spectrum.rms(100, 200)) < 0.4


def test_integration_divides_by_the_bin_as_often_as_asked():
    spectrum = spectrum_of(samples(4096, RATE, [(1000, 125, 0)]))
    flat, once, twice = (number(spectrum.rms(100, 300, order)) for order in (0, 1, 2))
    # 125 Hz is bin 160.
    assert abs(flat / once / 160 - 1) < 0.001
    assert abs(flat / twice / 25600 - 1) < 0.002


def test_a_small_line_beside_a_large_one_is_not_lost():
    spectrum = spectrum_of(samples(4096, RATE, [(20000, 900, 0), (20, 100, 1)]))
    assert abs(number(spectrum.rms(100, 200)) * 2**0.5 / 20 - 1) < 0.02


def test_a_line_between_bins_is_found_within_a_tenth_of_one():
    for tenth in range(11):
        hz = (200 + tenth / 10) * RATE / 2048
        spectrum = spectrum_of(samples(2048, RATE, [(3000, hz, 0.7)], noise=20))
        spectrum.measure()
        out = array("I", bytes(8))
        spectrum.peaks(2, 1000, out)
        assert abs(out[0] / 1000 - 200 - tenth / 10) < 0.1
        assert abs(number(out[1]) / 3000 - 1) < 0.02


def test_the_greatest_lines_come_first_and_no_place_is_filled_twice():
    spectrum = spectrum_of(samples(2048, RATE, [(500, 300, 0), (2000, 700, 1), (1000, 1100, 2)]))
    spectrum.measure()
    out = array("I", bytes(4 * 8))
    spectrum.peaks(2, 1000, out)
    assert [round(out[i] / 1000 * RATE / 2048) for i in (0, 2, 4)] == [700, 1100, 300]


def test_the_median_is_the_middle_of_the_magnitudes():
    spectrum = spectrum_of(samples(1024, RATE, [(2000, 500, 0)], noise=300))
    spectrum.measure()
    inside = sorted(spectrum.lengths[10:401])
    assert abs(spectrum.median(10, 400) - inside[195]) <= 1


def test_silence_has_neither_power_nor_lines():
    spectrum = spectrum_of(samples(256, RATE, [], offset=256))
    spectrum.measure()
    out = array("I", [9, 9])
    spectrum.peaks(2, 100, out)
    assert spectrum.rms(1, 100, 1) == 0
    assert list(out) == [0, 0]
    assert spectrum.median(1, 100) == 1
