"""The end-to-end mark."""

import json

from expect import raises
from floornode.contract.decoding import MAX_COUNT
from floornode.contract.mark import Life, decode, page
from floornode.contract.mark_pages import MAX_GAPS, MAX_SIZE, encode, pages
from floornode.mqtt.stream import Stream


def written(marks):
    return encode(marks)


def read(text):
    return decode(json.loads(text))


def test_a_series_without_gaps_is_its_boot_and_seq():
    assert written({"temperature": [Life(12, 345)]}) == '{"temperature":[{"boot":12,"seq":345}]}'


def test_gaps_come_with_the_highest_seq_that_is_stored():
    life = Life(12, 299, [(300, 310), (320, 320)], 345)
    assert written({"humidity": [life]}) == '{"humidity":[{"boot":12,"seq":299,"gaps":[[300,310],[320,320]],"top":345}]}'


def test_what_is_written_is_read_back():
    marks = read(
        encode({"temperature": [Life(12, 299, [(300, 310)], 345), Life(11, 99)], "pressure": [Life(12, -1, [(0, 3)], 4)]})
    )
    assert sorted(marks) == ["pressure", "temperature"]
    newest, earlier = marks["temperature"]
    assert (newest.boot, newest.seq, newest.gaps, newest.top) == (12, 299, [(300, 310)], 345)
    assert (earlier.boot, earlier.seq, earlier.gaps, earlier.top) == (11, 99, [], 99)


def test_a_life_holds_what_is_stored_and_nothing_else():
    life = Life(12, 299, [(300, 310), (320, 320)], 345)
    held = [seq for seq in (0, 299, 300, 310, 311, 319, 320, 321, 345, 346) if life.holds(seq)]
    assert held == [0, 299, 311, 319, 321, 345]


def test_nothing_is_held_while_seq_0_is_missing():
    assert not Life(1, -1).holds(0)


def test_too_many_gaps_become_fewer_that_cover_them():
    gaps = [(10 * i, 10 * i + 1) for i in range(1, 40)]
    life = Life(3, 9, gaps, 500)
    told = read(encode({"temperature": [life]}))["temperature"][0]
    assert len(told.gaps) == MAX_GAPS
    for seq in range(520):
        assert life.holds(seq) or not told.holds(seq), seq
    # The oldest, which a board sends again first, are exact, and the newest, among which is what is live.
    assert told.gaps[:4] == gaps[:4]
    assert told.gaps[5:] == gaps[-3:]


def test_gaps_that_are_filled_from_the_oldest_on_come_to_be_told_one_by_one():
    gaps = [(10 * i, 10 * i + 1) for i in range(1, 40)]
    sent = 0
    while gaps:
        told = read(encode({"temperature": [Life(3, 9, gaps, 500)]}))["temperature"][0].gaps
        assert told[0] == gaps[0]
        gaps = gaps[1:]
        sent += told[0][1] - told[0][0] + 1
    assert sent == 2 * 39


def test_each_page_is_bounded_and_together_they_tell_of_all():
    worst = Life(
        MAX_COUNT, MAX_COUNT - 1000, [(MAX_COUNT - 900 + 2 * i, MAX_COUNT - 900 + 2 * i) for i in range(400)], MAX_COUNT
    )
    points = tuple("temperature." + "x" * 20 + str(i) for i in range(48))
    for names in (("temperature",), ("temperature", "pressure", "humidity", "vibration"), points):
        told = {}
        found = pages({name: [worst] * 9 for name in names})
        for i, payload in enumerate(found):
            assert len(payload) <= MAX_SIZE
            fields = json.loads(payload)
            assert page(fields) == (i + 1, len(found))
            told.update(decode(fields))
        assert sorted(told) == sorted(names)
        assert all(len(lives) == 3 for lives in told.values())
        # What is missing is never told as stored.
        assert not any(life.holds(first) for lives in told.values() for life in lives for first, _ in worst.gaps)


def test_a_mark_that_fits_has_no_page():
    marks = {"temperature": [Life(12, 345)]}
    assert pages(marks) == [encode(marks).encode()]


def test_a_quantity_that_is_not_known_is_let_pass():
    assert list(read('{"torque":"?","humidity":[{"boot":1,"seq":2}]}')) == ["humidity"]


def test_what_is_no_mark_is_refused_by_name():
    for text, said in (
        ("[]", "mark is not a JSON object"),
        ('{"humidity":{}}', "mark of humidity is not a list"),
        ('{"humidity":[1]}', "a life is not an object"),
        ('{"humidity":[{"seq":1}]}', "boot None"),
        ('{"humidity":[{"boot":true,"seq":1}]}', "boot True"),
        ('{"humidity":[{"boot":1,"seq":-2}]}', "seq -2"),
        ('{"humidity":[{"boot":1,"seq":1.5}]}', "seq 1.5"),
        ('{"humidity":[{"boot":1,"seq":5,"top":4}]}', "top 4"),
        ('{"humidity":[{"boot":1,"seq":5,"gaps":[[5,6]],"top":9}]}', "gap"),
        ('{"humidity":[{"boot":1,"seq":5,"gaps":[[8,7]],"top":9}]}', "gap"),
        ('{"humidity":[{"boot":1,"seq":5,"gaps":[[6,9]],"top":9}]}', "a gap above top"),
        ('{"humidity":[{"boot":1,"seq":5,"gaps":[[6,7],[7,8]],"top":9}]}', "gap"),
    ):
        raises(ValueError, read, text, text=said)


def test_the_mark_of_the_longest_topic_fits_what_a_boards_stream_hands_on():
    topic = "/".join(["x" * 64] * 3 + ["mark"])
    # Its header, the topic with its length, and a packet identifier.
    assert 4 + 2 + len(topic) + 2 + MAX_SIZE <= Stream().limit


def test_what_is_no_page_is_refused():
    for found in ("1", [1], [0, 1], [2, 1], [1, 2, 3], [True, 2], [1.0, 2], {}):
        raises(ValueError, page, {"page": found}, text="mark: page ")
