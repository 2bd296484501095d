"""A window of samples and the numbers of its vibration, against the analytic values."""

import math
from array import array

from expect import raises
from floornode.vibration import Features

LSB_PER_G = 256
G = 9806.65  # mm/s2


def features_of(samples, rate_hz=3200):
    found = Features(LSB_PER_G)
    found.begin(samples, len(samples), rate_hz * 1000)
    steps = 1
    while not found.step():
        steps += 1
    found.steps = steps
    return found


def sine(hertz, g, rate_hz=3200, seconds=1, phase=0.0, mean=1.0):
    turn = 2 * math.pi * hertz / rate_hz
    count = int(rate_hz * seconds)
    return array("h", [math.floor(LSB_PER_G * (mean + g * math.sin(turn * at + phase)) + 0.5) for at in range(count)])


def velocity_of(hertz, g):
    return g * G / (2 * math.pi * hertz) / math.sqrt(2)


def noise(count, rms, seed=1):
    values = []
    for _ in range(count):
        total = 0
        for _ in range(12):
            seed = (seed * 1664525 + 1013904223) & 0xFFFFFFFF
            total += seed >> 16
        values.append(int(rms * (total / 65536 - 6)))
    return array("h", values)


def test_T51_velocity_of_a_sine_is_within_what_is_stated():
    for hertz, limit in ((10, 0.03), (11, 0.03), (12, 0.02), (20, 0.01), (79.6, 0.01), (160, 0.01), (500, 0.01), (950, 0.02)):
        for phase in (0, 1, 2):
            found = features_of(sine(hertz, 1.0, phase=phase)).velocity
            error = found / velocity_of(hertz, 1.0) - 1
            assert abs(error) < limit, (hertz, phase, error)


def test_T51_velocity_follows_the_amplitude():
    for g in (0.1, 1, 10):
        error = features_of(sine(100, g)).velocity / velocity_of(100, g) - 1
        assert abs(error) < 0.005, (g, error)


def test_T51_velocity_goes_by_the_true_rate():
    samples = sine(100, 1.0, rate_hz=3300)
    found = Features(LSB_PER_G)
    found.begin(samples, len(samples), 3300000)
    while not found.step():
        pass
    assert abs(found.velocity / velocity_of(100, 1.0) - 1) < 0.01


def test_T51_at_800_hz_the_band_ends_at_400():
    for hertz, limit in ((10, 0.04), (12, 0.02), (100, 0.01), (230, 0.02)):
        error = features_of(sine(hertz, 1.0, rate_hz=800), 800).velocity / velocity_of(hertz, 1.0) - 1
        assert abs(error) < limit, (hertz, error)


def test_T51_gravity_and_slow_swaying_are_no_velocity():
    assert features_of(array("h", [256] * 3199 + [257])).velocity < 0.2
    swaying = features_of(sine(1, 0.05)).velocity
    assert swaying < 0.02 * velocity_of(1, 0.05)


def test_T51_a_mixture_adds_up_by_its_squares():
    parts = ((25, 0.3), (120, 1.0), (640, 2.0))
    samples = [sine(hertz, g, mean=0.0) for hertz, g in parts]
    mixture = array("h", [sum([one[at] for one in samples]) for at in range(3200)])
    expected = math.sqrt(sum([velocity_of(hertz, g) ** 2 for hertz, g in parts]))
    assert abs(features_of(mixture).velocity / expected - 1) < 0.02


def test_T54_crest_and_kurtosis_of_a_sine():
    found = features_of(sine(100, 2.0))
    assert abs(found.rms / (2 / math.sqrt(2)) - 1) < 0.002
    assert abs(found.peak / 2 - 1) < 0.005
    assert abs(found.crest / math.sqrt(2) - 1) < 0.01
    assert abs(found.kurtosis / 1.5 - 1) < 0.01


def test_T54_kurtosis_of_noise_is_3_and_of_a_square_wave_1():
    assert abs(features_of(noise(3200, 300)).kurtosis / 2.9 - 1) < 0.06  # 12 uniforms: 3 - 6 / 60
    square = features_of(array("h", ([500] * 16 + [-500] * 16) * 100))
    assert abs(square.kurtosis - 1) < 0.01
    assert abs(square.crest - 1) < 0.01


def test_T54_rare_shocks_have_a_large_kurtosis_and_crest():
    # One in a hundred samples at 2560 LSB: m4/m2**2 is 100 for zero-mean pulses, 98 around their mean.
    found = features_of(array("h", ([0] * 99 + [2560]) * 32))
    exact = (0.01 * 0.99 * (0.99**3 + 0.01**3)) / (0.01 * 0.99) ** 2
    assert abs(found.kurtosis / exact - 1) < 0.01, (found.kurtosis, exact)
    assert abs(found.peak / 9.9 - 1) < 0.01


def test_a_still_window_has_no_vibration_and_divides_by_nothing():
    found = features_of(array("h", [256] * 1600))
    assert (found.velocity, found.rms, found.peak, found.crest, found.kurtosis) == (0, 0, 0, 0, 0)


def test_the_largest_window_at_full_scale_is_carried():
    samples = array("h", ([4095] * 160 + [-4096] * 160) * 40)
    found = features_of(samples)
    assert abs(found.rms / 16 - 1) < 0.001
    assert found.velocity > 1000


def test_work_comes_in_small_steps():
    assert features_of(sine(100, 1.0)).steps == 2 * 3200 // 128


def test_a_feature_asks_for_a_window():
    raises(AttributeError, Features(LSB_PER_G).step)
