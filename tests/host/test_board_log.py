"""A board's log, line by line, as it comes over a cable."""

import pytest

from floorsense.cable.log import Lines, parse


def test_a_line_is_taken_apart() -> None:
    line = parse(b"[   1.234] session: dial: 10.0.0.1 refused the connection\r")
    assert (line.uptime_ms, line.part, line.said) == (1234, "session", "dial: 10.0.0.1 refused the connection")
    assert line.meaning and "broker.port" in line.meaning


def test_a_line_without_a_time_is_kept_as_it_is() -> None:
    line = parse(b"Traceback (most recent call last):")
    assert (line.uptime_ms, line.part, line.said, line.meaning) == (None, "", "Traceback (most recent call last):", None)


def test_a_fault_of_the_settings_names_its_part() -> None:
    line = parse(b"settings: settings.json: is not there; provision the board")
    assert (line.part, line.meaning) == ("settings", "provision the board")


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"\xc0\xfe\x8e", "\\xc0\\xfe\\x8e"),
        (b"\x1b[2J\x07hello", "\\x1b[2J\\x07hello"),
        (b"\ttab", "    tab"),
        ("21 \N{DEGREE SIGN}C".encode(), "21 \N{DEGREE SIGN}C"),
    ],
)
def test_what_is_no_text_reaches_no_terminal(raw: bytes, shown: str) -> None:
    assert parse(raw).text == shown


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("the certificate of broker is not by the CA that this board trusts", "another broker than the board was provisioned"),
        ("the certificate that was shown is not for broker; correct broker.host or the certificate", "give broker.host"),
        ("the certificate of broker has expired", "renew"),
        ("the certificate of broker is not valid yet, by this board's clock", "is its time server up?"),
        ("broker refused this board's certificate, or the lack of one", "broker add --mutual-tls"),
        ("broker ended the TLS handshake; does that port speak TLS?", "correct broker.port"),
        ("broker.tls.ca: certs/ca.pem is not on the board; provision it", "a file of TLS is missing"),
        ("no answer to CONNECT within 5 s", "a TLS port spoken to without TLS"),
        ("CONNECT did not get through within 20 s", "does not speak TLS"),
    ],
)
def test_what_is_wrong_with_TLS_is_told_apart(said: str, meant: str) -> None:
    meaning = parse(f"[   1.234] session: greet: {said}; next try in 1.0 s".encode()).meaning
    assert meaning and meant in meaning


def test_lines_are_put_together_from_pieces_and_bounded() -> None:
    lines = Lines()
    assert lines.take(b"[   0.0") == []
    assert [one.said for one in lines.take(b"01] a\r\n\r\nb\nc")] == ["a", "b"]
    assert [one.said for one in lines.flush()] == ["c"]
    assert lines.flush() == []
    assert len(lines.take(b"x" * 5000)) == 1
