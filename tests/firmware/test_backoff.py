"""The wait before a reconnect: a floor, plus a uniform part of a window that doubles. Distributions, not single values."""

from floornode.mqtt import session as sessions
from floornode.mqtt.backoff import Backoff
from scripted import CONNACK, STATUS, Board, ack, published


def generator(seed):
    """``uniform(n)`` as a port has it: the generator of Numerical Recipes, by its upper bits."""
    state = [seed * 2654435761 & 0xFFFFFFFF]

    def uniform(n):
        state[0] = (state[0] * 1664525 + 1013904223) & 0xFFFFFFFF
        return (state[0] >> 8) % (n + 1)

    return uniform


def wait_after_silence(board):
    """The board dials, greets, hears nothing; how long it waits then."""
    while board.session.state != sessions.GREET:
        board.step(100)
    greeted = board.now
    while board.session.state == sessions.GREET:
        board.step(100)
    assert board.session.state == sessions.REST
    assert sessions.GREET_LIMIT <= board.now - greeted <= sessions.GREET_LIMIT + 100
    wait = board.session.next(board.now)
    board.step(wait)
    return wait


def serve(board, seconds=80):
    """From greeting on: the broker takes the board in, acknowledges what comes and answers its pings."""
    board.hear(CONNACK)
    for _ in range(seconds // 2):
        for _qos, _dup, pid, _payload in published(board.wire.packets(), STATUS):
            board.hear(ack(0x40, pid))
        board.hear(b"\xd0\0")
        board.turn(2000, 500)
    assert board.session.state == sessions.SERVE


def test_T02_no_CONNACK_five_times_twice_over_waits_a_uniform_part_of_a_doubling_window():
    boards = 120
    waits = [[] for _ in range(5)]
    for seed in range(boards):
        board = Board(uniform=generator(seed + 1))
        for _ in range(2):
            for attempt in range(5):
                waits[attempt].append(wait_after_silence(board))
            # A session that lasts makes the next trouble a new one.
            while board.session.state != sessions.GREET:
                board.step(100)
            serve(board)
            board.wire.is_ended = True
            board.step()
    for attempt, found in enumerate(waits):
        # The second round's first trouble was the end of the session, which took the first window.
        for window, round_of in ((2000 << attempt, found[0::2]), (4000 << attempt, found[1::2])):
            assert max(round_of) <= window, (attempt, max(round_of))
            assert abs(sum(round_of) / boards / window - 0.5) < 0.1, (attempt, sum(round_of) / boards)
            # Each quarter of the window has its share.
            for quarter in range(4):
                share = sum([quarter * window <= 4 * wait < (quarter + 1) * window for wait in round_of]) / boards
                assert 0.12 < share < 0.4, (attempt, quarter, share)


def test_the_window_doubles_to_its_cap_and_starts_over_when_reset():
    backoff = Backoff(1000, 5000, lambda n: n)
    assert [backoff.delay() for _ in range(5)] == [1000, 2000, 4000, 5000, 5000]
    backoff.reset()
    assert backoff.delay(700) == 1700


def test_T10_a_broker_that_is_down_at_the_first_boot_is_no_different_from_later():
    found = []
    for first_boot in (True, False):
        board = Board(uniform=lambda n: n // 3)
        if not first_boot:
            board.step()
            board.step()
            serve(board)
            board.wire.is_ended = True
        board.network.dial_error = OSError(111, "refused")
        waits = []
        for _ in range(6):
            board.read()
            board.step()
            while board.session.state != sessions.REST:
                board.step(10)
            waits.append(board.session.next(board.now))
            board.step(waits[-1])
        board.network.dial_error = None
        while board.session.state != sessions.GREET:
            board.step(1000)
        board.hear(CONNACK)
        # What was read meanwhile is delivered, in order, none of it lost.
        delivered = len(published(board.wire.packets()))
        found.append((waits[1:], delivered))
    assert found[0] == found[1], found
    assert found[0][1] == 6
