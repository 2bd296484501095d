"""What TLS on a board adds to mbedtls: the date that it sees, and writes that are taken up again."""

import errno
import os

from expect import raises

MICROPYTHON_ONLY = "the module imports MicroPython's tls"

DAY_MS = 86400000
# Of a certificate: what is around its first UTCTime, 2026-11-24 12:00:00.
DER = b"\x30\x1e\x17\x0d261124120000Z\x17\x0d461124120000Z"


def securing():
    return __import__("floornode.ports.securing", None, None, ("Securing",))


class Port:
    def __init__(self, unix_ms=None):
        self.now = unix_ms
        self.shown = []

    def unix_ms(self):
        return self.now

    def set_unix_ms(self, unix_ms):
        self.shown.append(unix_ms)


def made(port, last_ms=0, floor_ms=0):
    """A Securing without files."""
    module = securing()
    one = object.__new__(module.Securing)
    one._port = port
    one._last_ms = last_ms
    one._floor_ms = floor_ms
    return one


class Socket:
    """mbedtls's as far as it matters: it holds what it could not send, and takes the next write for that."""

    def __init__(self, *taken):
        self.taken = list(taken)
        self.written = []

    def write(self, data):
        self.written.append(bytes(data))
        answer = self.taken.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return len(data) if answer else None


class Poll:
    def unregister(self, _one):
        pass


def connection(socket, port=None):
    module = securing()
    one = object.__new__(module.SecureConnection)
    one._securing = made(port or Port(1))
    one._secure = socket
    one._poll = Poll()
    one._host = "broker"
    one._is_through = False
    one._has_verified = False
    one._pending = 0
    return one


def test_T45_a_certificates_first_day_is_read():
    assert securing()._begins_ms(DER) == 20781 * DAY_MS
    assert securing()._begins_ms(b"\x30\x00") == 0


def test_T45_a_serial_number_that_has_the_bytes_of_a_date_is_none():
    serial = b"\x02\x14\x1f\x17\x0d123456789012\x17\x0d\x8e\x51\x6b"
    assert securing()._begins_ms(serial + DER) == 20781 * DAY_MS
    assert securing()._begins_ms(serial) == 0


def test_T45_without_a_set_clock_the_latest_time_that_is_past_is_seen():
    for last_ms, floor_ms in ((5 * DAY_MS, 7 * DAY_MS), (7 * DAY_MS, 5 * DAY_MS)):
        port = Port()
        assert made(port, last_ms, floor_ms).attempt(lambda data: data + 1, 1) == 2
        assert port.shown == [7 * DAY_MS]


def test_T45_the_machines_own_clock_is_as_before_whatever_happens():
    import machine

    before = machine.RTC().datetime()[:5]

    class Real(Port):
        def set_unix_ms(self, unix_ms):
            machine.RTC().datetime((2030, 1, 2, 0, 0, 0, 0, 0))

    def fail(_data):
        assert machine.RTC().datetime()[0] == 2030
        raise OSError(5)

    raises(OSError, made(Real()).attempt, fail, b"")
    assert machine.RTC().datetime()[:5] == before


def test_T45_a_set_clock_is_left_alone():
    port = Port(9 * DAY_MS)
    assert made(port).attempt(lambda data: data, 3) == 3
    assert port.shown == []


def test_T45_the_time_is_kept_once_a_day():
    port = Port(20000 * DAY_MS)
    one = made(port)
    one.through()
    assert open("tls.last").read() == "1728000000\n"
    os.remove("tls.last")
    port.now += DAY_MS - 1
    one.through()
    assert "tls.last" not in os.listdir()
    port.now += 1
    one.through()
    assert open("tls.last").read() == "1728086400\n"


def test_a_write_that_was_held_is_taken_up_with_the_same_bytes():
    socket = Socket(True, False, False, True, True)
    one = connection(socket)
    assert one.write(b"connect") == 7
    assert one.write(b"abc") is None
    # More was gathered meanwhile: mbedtls would say that it took it all, and have sent three bytes.
    assert one.write(b"abcdef") is None
    assert one.write(b"abcdefgh") == 3
    assert one.write(b"defgh") == 5
    assert socket.written[1:] == [b"abc", b"abc", b"abc", b"defgh"]


def test_nothing_is_read_before_the_handshake_is_through():
    one = connection(Socket(False))
    assert one.write(b"connect") is None
    assert one.readinto(bytearray(4)) is None


def test_what_mbedtls_says_becomes_a_word():
    for error, word in (
        (ValueError("\nThe certificate validity has expired\n"), "tls-expired"),
        (ValueError("\nThe certificate validity starts in the future\n"), "tls-not-yet-valid"),
        (ValueError("The certificate Common Name (CN) does not match with the expected CN"), "tls-name"),
        # Who is no friend is not asked for his name.
        (ValueError("does not match with the expected CN\nis not correctly signed by the trusted CA"), "tls-untrusted"),
        (ValueError("something new"), "tls-failed"),
        (OSError(-0x2700), "tls-untrusted"),
        (OSError(-0x7200), "tls-failed"),
        (OSError(-0x7280), "tls-failed"),
        # What a broker's plain port does that was spoken to by TLS.
        (OSError(errno.ECONNRESET), "tls-failed"),
        (OSError(32), "tls-failed"),
        (OSError(-0x7F00), "no-memory"),
        (OSError(12), "no-memory"),
    ):
        found = raises(OSError, connection(Socket(error)).write, b"connect")
        assert found.word == word, (error, found.word)


def test_an_end_after_the_brokers_certificate_was_right_is_about_ours():
    for code in (-0x7780, -0x7280):
        one = connection(Socket(OSError(code)))
        assert raises(OSError, one.write, b"connect").word == "tls-failed"
        one = connection(Socket(OSError(code)))
        one._see(None, 0)
        assert raises(OSError, one.write, b"connect").word == "tls-client-certificate"


def test_an_end_while_serving_is_no_matter_of_certificates():
    one = connection(Socket(True, OSError(-0x7280)))
    one._see(None, 0)
    one.write(b"connect")
    assert raises(OSError, one.write, b"publish").word == "dropped"
