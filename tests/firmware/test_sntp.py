"""SNTP against a server of exact bytes, on a network and a clock that go only when told."""

from floornode.sntp import ANSWER_LIMIT
from floornode.ticks import PERIOD
from time_server import DAY, INTERVAL, UNIX_MS, Board, answer


def test_a_question_is_a_version_4_clients_and_tells_no_time():
    seen = []
    for _ in range(2):
        board = Board(uniform=lambda n: (len(seen) * 17 + n) & n)
        board.step()
        question = board.question
        assert len(question) == 48
        assert question[0] == 0x23
        assert question[1:40] == bytes(39)
        seen.append(question[40:])


def test_the_time_is_the_servers_plus_half_of_what_the_way_took():
    board = Board()
    board.ask()
    board.hear(answer(board.question, UNIX_MS, held_ms=10), 50)
    # 50 ms away, 10 of them at the server, which sent at UNIX_MS + 10: 20 ms ago.
    assert board.clock.read(board.now) == UNIX_MS + 30
    assert board.sntp.round_trip == 40
    assert (board.clock.source, board.sntp.reason) == ("sntp", None)
    assert board.told == [UNIX_MS + 30]
    assert board.socket.is_closed


def test_every_millisecond_of_a_second_comes_through():
    for ms in range(0, 1000, 37):
        board = Board()
        board.sync(1706900000000 + ms)
        assert board.clock.read(board.now) == 1706900000000 + ms


def test_it_waits_for_the_network_and_asks_at_once_when_it_is_there():
    board = Board()
    board.is_up = False
    for _ in range(10):
        board.step(60000)
    assert not board.sockets
    assert board.sntp.next(board.now) == 1000
    board.is_up = True
    board.step()
    assert board.socket.sent


def test_a_strangers_packet_is_no_answer():
    board = Board()
    board.ask()
    question = board.question
    for wrong in (
        answer(bytes(48), UNIX_MS + DAY),  # another nonce
        answer(question, UNIX_MS + DAY, first=0x23),  # a client's
        answer(question, UNIX_MS + DAY, first=0x25),  # a broadcast
        answer(question, UNIX_MS + DAY)[:47],
        b"",
    ):
        board.hear(wrong, 1)
        assert not board.clock.is_set
        assert not board.socket.is_closed
    board.hear(answer(question, UNIX_MS), 0)
    assert board.clock.is_set


def test_an_old_answer_to_an_earlier_question_is_no_answer():
    numbers = [0]

    def uniform(n):
        numbers[0] += 1
        return numbers[0] % (n + 1)

    board = Board(uniform=uniform)
    board.ask()
    late = answer(board.question, UNIX_MS)
    board.step(ANSWER_LIMIT)
    board.ask()
    board.hear(late)
    assert not board.clock.is_set


def test_an_answer_behind_strangers_is_found_within_a_few_steps():
    board = Board()
    board.ask()
    board.socket.heard += [bytes(48)] * 20 + [answer(board.question, UNIX_MS)]
    for _ in range(6):
        board.step(5)
    assert board.clock.is_set


def refused(text, cut=48, **packet):
    board = Board()
    board.ask()
    data = answer(board.question, UNIX_MS, **packet)
    board.hear(data[:cut] + bytes(48 - cut))
    assert not board.clock.is_set
    assert text in board.sntp.reason, board.sntp.reason
    assert board.socket.is_closed
    assert len(board.lines) == 1 and text in board.lines[0]


def test_a_server_that_is_not_synchronised_is_not_believed():
    for first, stratum in ((0xE4, 2), (0x24, 16), (0x24, 255)):
        refused("not synchronised", first=first, stratum=stratum)


def test_a_server_that_is_far_from_its_source_is_not_believed():
    for delay, dispersion in ((0x10001, 0), (-0x10001, 0), (0, 0x10001), (0, 0xFFFFFFFF)):
        refused("more than 1 s", delay=delay, dispersion=dispersion)


def test_times_that_make_no_sense_are_not_believed():
    refused("no sense", held_ms=5000)
    refused("no sense", held_ms=-1)
    refused("no sense", cut=40)


def test_both_versions_and_every_leap_warning_of_a_good_server_are_read():
    for first in (0x24, 0x1C, 0x64, 0xA4):
        board = Board()
        board.ask()
        board.hear(answer(board.question, UNIX_MS, first=first))
        assert board.clock.is_set, first


def test_without_an_answer_it_asks_again_ever_more_rarely():
    board = Board()
    gaps = []
    board.ask()
    for _ in range(12):
        for _ in range(ANSWER_LIMIT // 500):
            board.step(500)
        assert board.socket.is_closed
        assert "no answer" in board.sntp.reason
        gaps.append(board.ask())
    # A floor of 1 s, and the window's whole width with this uniform; the cap is the interval.
    assert gaps[:5] == [5000, 9000, 17000, 33000, 65000]
    assert gaps[-1] == INTERVAL + 1000
    assert len(board.lines) == 1  # the same trouble is told once


def test_after_an_answer_it_asks_at_the_interval_and_a_sixteenth_more_at_most():
    for uniform, gap in ((lambda n: n, INTERVAL + INTERVAL // 16), (lambda n: 0, INTERVAL)):
        board = Board(uniform=uniform)
        board.sync()
        assert board.ask() == gap


def test_it_asks_in_the_very_step_in_which_that_is_due():
    board = Board(uniform=lambda n: 0)
    board.sync()
    board.step(INTERVAL - 1)
    assert len(board.sockets) == 1
    board.step(1)
    assert len(board.sockets) == 2


def test_an_answer_makes_the_next_trouble_start_small():
    board = Board()
    for _ in range(5):
        board.ask()
        board.step(ANSWER_LIMIT)
    board.sync()
    board.ask()
    board.step(ANSWER_LIMIT)
    assert board.ask() == 5000


def test_kisses_of_death_are_honoured():
    for code, wait in ((b"DENY", DAY), (b"RSTR", DAY), (b"RATE", 2 * INTERVAL)):
        board = Board()
        board.ask()
        board.hear(answer(board.question, 0, stratum=0, code=code))
        assert not board.clock.is_set
        assert code.decode() in board.sntp.reason
        assert board.ask() == wait


def test_a_server_that_has_just_started_and_says_stratum_0_is_asked_again_soon():
    # ntpd has no time yet either, after a power cut of the whole plant: its stratum 16 goes out as 0.
    for code, text in ((b"INIT", "(INIT)"), (b"STEP", "(STEP)"), (bytes(4), "synchronised"), (b"XYZ1", "(XYZ1)")):
        board = Board()
        board.ask()
        board.hear(answer(board.question, 0, first=0xE4, stratum=0, code=code))
        assert not board.clock.is_set
        assert board.sntp.reason.startswith("the server is not synchronised") and board.sntp.reason.endswith(text)
        assert board.ask() == 5000
        board.hear(answer(board.question, UNIX_MS))
        assert board.clock.is_set


def test_a_kiss_that_a_stranger_sends_is_no_kiss():
    board = Board()
    board.ask()
    board.hear(answer(bytes(48), 0, stratum=0, code=b"DENY"))
    assert not board.socket.is_closed
    board.hear(answer(board.question, UNIX_MS))
    assert board.clock.is_set


def test_a_rate_that_was_asked_for_is_kept():
    board = Board(uniform=lambda n: 0)
    board.ask()
    board.hear(answer(board.question, 0, stratum=0, code=b"RATE"))
    board.sync()
    assert board.ask() == 2 * INTERVAL


def test_what_the_network_says_is_told_in_words():
    board = Board()
    board.dial_error = OSError(2, "no such name: ntp.plant")
    board.step()
    assert board.sntp.reason == "no such name: ntp.plant"
    board.dial_error = None
    board.ask()
    board.socket.error = OSError(111, "nobody listens there")
    board.step()
    assert board.sntp.reason == "nobody listens there"
    assert board.socket.is_closed
    board.sync()
    assert board.sntp.reason is None


def test_T36_a_server_that_steps_is_followed_and_the_step_is_told():
    board = Board()
    board.sync()
    for step in (3600000, -3600000):
        up = board.clock.up(board.now)
        waited = board.ask()
        true = UNIX_MS + board.clock.up(board.now)
        board.hear(answer(board.question, true + max(0, step)))
        assert board.clock.up(board.now) == up + waited
        assert "moved by %d ms" % step in board.lines[-1]
        assert board.clock.read(board.now) == true + max(0, step)


def test_T36_a_slow_answer_that_agrees_within_half_its_round_trip_leaves_the_clock_alone():
    board = Board()
    board.sync()
    for lag in (1000, 300, 20):
        # All of it on the way back, or all of it on the way there: what the server says is off by half of it.
        for on_the_way_back in (lag, 0):
            board.ask()
            board.step(lag - on_the_way_back)
            packet = answer(board.question, UNIX_MS + board.clock.up(board.now))
            board.hear(packet, on_the_way_back)
            assert board.sntp.round_trip == lag
            assert board.clock.read(board.now) == UNIX_MS + board.clock.up(board.now)
    assert len(board.lines) == 1


def test_T37_seconds_before_2024_are_of_the_era_that_begins_in_2036():
    # The last moment of era 0, the first of era 1 (which itself is written as 0: no time), 2038-01-19, 2100.
    for unix_ms in (2085978495999, 2085978496001, 2147483648001, 4102444800500):
        board = Board()
        board.sync(unix_ms)
        assert board.clock.read(board.now) == unix_ms


def test_T38_it_goes_on_through_the_wrap_of_the_ticks_and_days_without_a_network():
    board = Board(start=PERIOD - 1000)
    board.sync()
    board.is_up = False
    for _ in range(7 * 24):
        board.step(DAY // 24)
    board.is_up = True
    board.step()
    board.step()
    assert len(board.sockets) == 2
    board.hear(answer(board.question, UNIX_MS + 7 * DAY))
    assert board.clock.age(board.now) == 0


def test_stopping_lets_the_socket_go():
    board = Board()
    board.ask()
    board.sntp.stop()
    assert board.socket.is_closed
