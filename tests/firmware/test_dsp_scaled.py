"""Numbers of 15 significant bits: right to 1 in 16384, over all the range that powers of samples have."""

from array import array

from floornode.dsp.scaled import from_limbs, minus, over, plus, root, scaled, times, whole
from waves import number

VALUES = (1, 2, 3, 7, 100, 16383, 16384, 32767, 32768, 65535, 123456, 99999999, (1 << 30) - 1)


def near(found, expected, parts=8192):
    assert abs(number(found) - expected) <= abs(expected) / parts, (number(found), expected)


def test_a_whole_number_is_kept():
    for value in VALUES:
        near(scaled(value), value, 32768)
        near(scaled(value, -40), value * 2.0**-40, 32768)
    assert scaled(0) == 0


def test_products_quotients_sums_and_roots_are_right():
    for a in VALUES:
        near(root(scaled(a)), a**0.5)
        for b in VALUES:
            near(times(scaled(a), scaled(b)), a * b)
            near(over(scaled(a), scaled(b)), a / b)
            near(plus(scaled(a), scaled(b)), a + b)


def test_a_difference_is_right_to_the_larger_of_the_two_and_never_negative():
    for a in VALUES:
        for b in VALUES:
            found = number(minus(scaled(a), scaled(b)))
            assert abs(found - max(0, a - b)) <= a / 8192


def test_limbs_of_any_length_are_taken_whole():
    for value in (0, 1, 70000, 1 << 20, 123456789, 123456789012, 12345678901234567):
        limbs = array("I", [value >> (16 * i) & 0xFFFF for i in range(4)])
        near(from_limbs(limbs, 0, 4), value)


def test_a_number_becomes_whole_again():
    assert whole(scaled(1234)) == 1234
    assert whole(over(scaled(1), scaled(3)), 1000) == 333
    assert whole(scaled(5, -1)) == 3
    assert whole(0) == whole(scaled(1, -40)) == 0
    assert whole(scaled(1, 40)) == 1 << 29


def test_nothing_leaves_the_small_integers_of_a_board():
    for a in VALUES:
        for b in VALUES:
            for found in (times(scaled(a, 100), scaled(b, 100)), over(scaled(a, -200), scaled(b)), plus(scaled(a), scaled(b))):
                assert 0 <= found < 1 << 30
