"""When a reading gets its date, and that it keeps it: session, outbox and clock together on a scripted network."""

import json

from scripted import CONNACK, UNIX_MS, Board, published

HOUR = 3600000


def payloads(board):
    return [payload for _, _, _, payload in published(board.wire.packets())]


def reconnect(board):
    """The link breaks, and the board comes back."""
    board.wire.is_ended = True
    board.step()
    while board.wire.is_closed:
        board.step(1000)
    board.step()
    board.hear(CONNACK)


def test_T36_what_was_sent_before_the_clock_stepped_is_sent_again_with_the_same_date():
    for step in (HOUR, -HOUR):
        board = Board()
        board.connect()
        board.read()
        board.step()
        first = payloads(board)
        assert len(first) == 1
        board.clock.set(UNIX_MS + step, board.now, "test")
        reconnect(board)
        assert payloads(board) == first


def test_T36_what_waits_while_the_clock_steps_is_dated_by_the_new_time_in_the_old_order():
    for step in (HOUR, -HOUR):
        board = Board()
        board.step()
        for _ in range(3):
            board.read()
            board.step(1000)
        board.clock.set(board.clock.read(board.now) + step, board.now, "test")
        board.step()
        board.hear(CONNACK)
        found = [json.loads(payload) for payload in payloads(board)]
        assert [one["seq"] for one in found] == [0, 1, 2]
        assert [round(one["ts"] * 1000) for one in found] == [UNIX_MS + step, UNIX_MS + step + 1000, UNIX_MS + step + 2000]
        assert not [one for one in found if "quality" in one]


def test_T35_what_left_before_the_clock_was_set_says_so_and_what_leaves_after_is_dated():
    board = Board()
    board.clock.source = None
    board.connect()
    board.read()
    board.step()
    (early,) = [json.loads(payload) for payload in payloads(board)]
    assert early["quality"] == ["clock-not-set"]
    board.read()
    board.clock.set(UNIX_MS, board.now, "test")
    board.step()
    (later,) = [json.loads(payload) for payload in payloads(board)]
    assert "quality" not in later
    assert round(later["ts"] * 1000) == UNIX_MS
