"""A small file is what it was or what it is to be, whole."""

import os

from expect import raises
from floornode import wholefile


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def test_a_copy_is_the_same_and_says_that_it_was_not():
    data = bytes(range(256)) * 5
    put("settings", data)
    assert wholefile.copy("settings", "good")
    assert content("good") == data
    assert not wholefile.copy("settings", "good")
    assert sorted(os.listdir()) == ["good", "settings"]


def test_a_copy_replaces_what_is_shorter_longer_or_otherwise():
    put("settings", b"a" * 300)
    for other in (b"", b"a" * 299, b"a" * 301, b"a" * 299 + b"b", b"a" * 128):
        put("good", other)
        assert wholefile.copy("settings", "good")
        assert content("good") == b"a" * 300


def test_what_cannot_be_copied_leaves_the_old_one():
    put("good", b"old")
    raises(OSError, wholefile.copy, "nothing", "good")
    assert content("good") == b"old"


def test_no_more_is_read_than_the_limit():
    put("long", b"x" * 100)
    assert wholefile.read("long", 10) == b"x" * 10
    assert wholefile.read("long", 1000) == b"x" * 100
    assert wholefile.read("nothing", 1000) is None
