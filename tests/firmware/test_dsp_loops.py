"""The inner loops where they could go wrong: signs, full scale, carries, and the same numbers in viper and in bytecode."""

from array import array

from expect import Skip
from floornode.dsp import bearing, loops
from floornode.dsp.extent import Extent
from waves import samples, signed

sums, flow = loops.load("sums"), loops.load("flow")


def moments_of(window, up=0, mean=0, pieces=1):
    acc = array("I", bytes(36))
    acc[8] = 1 << 28
    size = len(window) // pieces
    for piece in range(pieces):
        sums.moments(window, piece * size, (piece + 1) * size, up, mean, acc)
        sums.carry(acc)
    return sum([acc[i] << 16 * i for i in range(4)]), sum([acc[4 + i] << 16 * i for i in range(4)]), acc[8] - (1 << 28)


def test_T54_the_sums_of_powers_are_exact():
    for window, up, mean in (
        (samples(1000, 1000, [(30000, 7, 0)], noise=99), 0, 0),
        (samples(1000, 1000, [(5, 7, 0)], offset=256), 2, 1024),
        (array("H", [0x8001, 0x7FFF] * 800), 0, 0),
        (array("H", [0, 1, 0xFFFF, 2]), 0, 1),
    ):
        values = [(signed(value) << up) - mean for value in window]
        assert moments_of(window, up, mean) == (sum([v * v for v in values]), sum([v**4 for v in values]), sum(values))


def test_T54_full_scale_for_a_whole_window_overflows_nothing():
    window = array("H", [0x7FFF, 0x8001] * 8192)
    assert moments_of(window) == (16384 * 32767**2, 16384 * 32767**4, 0)


def test_pieces_add_up():
    window = samples(4096, 1000, [(12345, 7, 0)], noise=5000)
    assert moments_of(window, pieces=16) == moments_of(window)


def test_the_extent_of_samples_is_theirs_and_its_mean_is_rounded_as_finely_as_asked():
    for window in (
        samples(999, 1000, [(300, 7, 0)], offset=256, noise=9),
        array("H", [0x8000, 0x7FFF]),
        array("H", [0xFFFF] * 3),
    ):
        values = [signed(value) for value in window]
        extent = Extent()
        extent.take(window, 0, len(window))
        assert (extent.low, extent.high) == (min(values), max(values))
        for up in (0, 2, 8):
            assert abs(extent.mean(up) / (1 << up) - sum(values) / len(values)) <= 0.5 / (1 << up) + 1e-6


def test_samples_are_raised_as_far_as_they_fit():
    for amplitude, up in ((1, 13), (100, 8), (8000, 2), (16000, 1), (16400, 0), (32767, 0)):
        extent = Extent()
        extent.take(array("H", [amplitude, -amplitude & 0xFFFF]), 0, 2)
        assert extent.room(15, 13) == up, amplitude


def test_magnitudes_are_right_to_one_in_a_thousand_and_two_of_them_make_one():
    pairs = [(0, 0), (3, 4), (-300, 400), (32767, 32767), (-32768, 0), (23000, -23000), (1, 0), (0, -7)]
    real = array("H", [pair[0] & 0xFFFF for pair in pairs for _ in range(2)])
    imag = array("H", [pair[1] & 0xFFFF for pair in pairs for _ in range(2)])
    out = array("H", bytes(2 * len(pairs)))
    assert flow.fold(real, imag, len(real), array("H", [0, 0, 0]), out, 0, len(out)) == len(pairs)
    for (a, b), found in zip(pairs, out):
        expected = min(32767, (a * a + b * b) ** 0.5)
        assert abs(found - expected) <= 1.5 + expected / 1000


def test_lengths_are_left_out_as_asked_and_a_pair_may_come_in_two_pieces():
    lengths = array("H", [9, 9, 9, 10, 20, 30, 50])
    none = array("H", bytes(14))
    for pieces in ((7,), (1, 3, 1, 2), (1,) * 7):
        state, out, at, first = array("H", [3, 0, 0]), array("H", bytes(8)), 0, 0
        for count in pieces:
            at = flow.fold(lengths[first : first + count], none, count, state, out, at, len(out))
            first += count
        assert at == 2
        assert abs(out[0] - 15) <= 1 and abs(out[1] - 40) <= 1


def test_the_plain_fallback_gives_the_same_numbers():
    try:
        loops.plain("sums")
    except OSError:
        raise Skip("the text of the loops is not at hand")
    window = samples(512, 512, [(9000, 31.3, 0)], offset=300, noise=2000)
    found = []
    for load in (loops.load, loops.plain):
        butterfly, bins, flow, sums = load("butterfly"), load("bins"), load("flow"), load("sums")
        sine = array("H", [int(32768 * i / 128) for i in range(129)])
        re, im = array("I", bytes(1024)), array("I", bytes(1024))
        butterfly.load(window, 512, 300, 1, sine, re, im, loops.MASK)
        half = 1
        while half < 256:
            butterfly.stage(re, im, 256, half, sine, 128, loops.MASK)
            half *= 2
        butterfly.untangle(re, im, 256, sine, loops.MASK)
        state, thin, half_again = array("I", bytes(36)), array("H", bytes(200)), array("H", bytes(200))
        count = flow.cic(window, 0, 512, 8, 12, state, thin, 14, loops.MASK)
        flow.halve(thin, count - 14, 0, half_again, 0)
        real, imag = array("H", bytes(1024)), array("H", bytes(1024))
        flow.mix(window, 0, 512, 3, 5, 0, array("H", [(i * 2000 - 16000) & 0xFFFF for i in range(16)]), real, imag)
        flow.fold(real, imag, 512, array("H", [4, 0, 0]), real, 0, 512)
        acc, powers = array("I", bytes(8)), array("I", bytes(36))
        bins.power(re, im, 1, 256, 1, 6, array("H", [4096] * 32), acc)
        powers[8] = 1 << 28
        sums.moments(window, 0, 512, 0, 300, powers)
        found.append(
            [list(one) for one in (re, im, thin, half_again, state, real, acc, powers)] + [bins.largest(re, im, 1, 256, 1)]
        )
    assert found[0] == found[1]


def test_the_orders_of_a_bearing_are_those_that_are_published():
    # Case Western Reserve University's 6205 and 6203.
    assert bearing.orders(9, 0.3126, 1.537) == (3585, 5415, 2357, 398)
    assert bearing.orders(8, 0.2656, 1.122) == (3053, 4947, 1994, 382)
