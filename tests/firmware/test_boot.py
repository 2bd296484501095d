"""The boot number only grows."""

import os

from expect import raises
from floornode import boot


def fresh():
    path = "boot-under-test"
    for name in (path, path + ".new"):
        try:
            os.remove(name)
        except OSError:
            pass
    return path


def put(path, text):
    with open(path, "w") as file:
        file.write(text)


def test_each_start_counts_one_more():
    path = fresh()
    assert [boot.advance(path, None) for _ in range(3)] == [1, 2, 3]
    fresh()


def test_a_damaged_file_never_takes_the_number_back():
    path = fresh()
    put(path, "???")
    assert boot.advance(path, 1706900000000) == 1706900000 - 1577836800 + 1
    fresh()


def test_a_damaged_file_without_a_clock_takes_no_number_that_a_start_had():
    path = fresh()
    numbers = set()
    for _ in range(20):
        put(path, "???")
        numbers.add(boot.advance(path, None))
    assert len(numbers) == 20
    assert all(1 << 29 < number < 1 << 30 for number in numbers)
    fresh()


def test_a_cut_between_writing_and_renaming_keeps_the_newer_number():
    path = fresh()
    put(path, "7\n")
    put(path + ".new", "8\n")
    assert boot.advance(path, None) == 9
    fresh()


def test_a_cut_while_writing_keeps_the_older_number():
    path = fresh()
    put(path, "7\n")
    put(path + ".new", "")
    assert boot.advance(path, None) == 8
    fresh()


def test_a_flash_that_cannot_be_written_is_an_error():
    raises(OSError, boot.advance, "no-such-folder/boot", None)
