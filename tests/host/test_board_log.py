"""A board's log, line by line, as it comes over a cable."""

import ast
import re
from collections.abc import Iterator

import pytest

from floornode.mqtt.diagnosis import _BARE, _REFUSALS
from floorsense.cable.log import Lines, parse
from floorsense.paths import ROOT

FIRMWARE = sorted(path for path in (ROOT / "firmware").rglob("*.py") if "dsp" not in path.parts)
# Of a format, what it may become.
EXAMPLES = {"s": "x", "d": "5", "r": "'x'", "f": "1.0", "x": "0x48"}


def said(node: ast.expr) -> Iterator[str]:
    """The text of an expression, with examples in its places; nothing where it is only known at run time."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield re.sub(r"%[#.\d]*[a-z]", lambda found: EXAMPLES[found[0][-1]], node.value)
    elif isinstance(node, ast.BinOp):
        left = list(said(node.left))
        yield from left if isinstance(node.op, ast.Mod) else (text + "x" for text in left)
    elif isinstance(node, ast.IfExp):
        yield from (*said(node.body), *said(node.orelse))


def logged() -> Iterator[str]:
    """Every line that the firmware puts on the cable: what is handed to a log, printed, or becomes a session's reason."""
    for path in FIRMWARE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if path.stem == "diagnosis" and isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
                yield from (f"session: greet: {text}; next try in 1.0 s" for text in said(node.value.elts[1]))
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in ("log", "_log", "_say") and len(node.args) == 1:
                yield from (text for text in said(node.args[0]) if ": " in text or text.startswith("longest"))
            elif name == "print":
                yield from (text for text in said(node.args[0]) if re.match(r"[a-z ]+: ", text))
            elif name == "Trouble" and len(node.args) == 2:
                yield from (f"session: dial: {text}; next try in 1.0 s" for text in said(node.args[1]))
            elif name == "OSError" and path.parent.name == "mqtt":
                yield from (f"session: serve: {text}; next try in 1.0 s" for text in said(node.args[-1]))
            elif name == "OSError" and path.parent.name == "sensors":
                yield from (f"sensor: bme280@0x76: {text}" for text in said(node.args[-1]))
    for text in [*_REFUSALS[1::2], *(row[1] for row in _BARE)]:
        yield f"session: greet: {text}; next try in 1.0 s"
    for table in ("_FLAWS", "_FAILURES"):
        for row in tables(table):
            yield f"session: greet: {row[-1] % 'x'}; next try in 1.0 s"


def tables(name: str) -> Iterator[tuple[str, ...]]:
    """The rows of a table of the ports, whose modules only MicroPython can import."""
    for path in FIRMWARE:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name:
                yield from ast.literal_eval(node.value)


def test_every_line_that_the_firmware_says_has_a_meaning() -> None:
    # Whose words are there at run time only; they come from elsewhere in the firmware.
    lines = set(logged()) - {"session: x: x; next try in 1.0 s", "session: dial: x within 5 s; next try in 1.0 s"}
    assert len(lines) > 60
    assert sorted(line for line in lines if not parse(f"[   1.234] {line}".encode()).meaning) == []


@pytest.mark.parametrize(
    ("raw", "is_trouble"),
    [
        (b"[   0.225] session: connected, 0 in flight, 3 waiting", False),
        (b"[   0.233] settings: kept as the last good ones", False),
        (b"[   9.000] sensor: bme280@0x76: no answer", True),
        (b"[  19.000] sensor: bme280@0x76: answers again", False),
        (b"[  17.489] session: serve: closed by the broker; next try in 2.6 s", True),
        (b"trial: the firmware in /b, 2 more starts", False),
        (b"trial: the firmware in /b did not come up; back to the one before", True),
        (b"MicroPython v1.28.0 on 2026-01-15; Raspberry Pi Pico W with RP2040", False),
        (b"MemoryError: memory allocation failed, allocating 512 bytes", True),
        (b">>> ", False),
    ],
)
def test_good_news_is_told_from_trouble(raw: bytes, is_trouble: bool) -> None:
    meaning = parse(raw).meaning
    assert meaning and meaning.is_trouble == is_trouble


def test_a_line_is_taken_apart() -> None:
    line = parse(b"[   1.234] session: dial: 10.0.0.1 refused the connection\r")
    assert (line.uptime_ms, line.part, line.said) == (1234, "session", "dial: 10.0.0.1 refused the connection")
    assert line.trouble and "broker.port" in line.trouble


def test_a_line_without_a_time_is_kept_as_it_is() -> None:
    line = parse(b"Traceback (most recent call last):")
    assert (line.uptime_ms, line.part, line.said, line.meaning) == (None, "", "Traceback (most recent call last):", None)


def test_a_fault_of_the_settings_names_its_part() -> None:
    line = parse(b"settings: settings.json: is not there; provision the board")
    assert (line.part, line.trouble) == ("settings", "provision the board")


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
        ("connection broken", "a TLS port spoken to without TLS"),
        ("closed by the broker", "a TLS port spoken to without TLS"),
        ("CONNECT did not get through within 20 s", "does not speak TLS"),
    ],
)
def test_what_is_wrong_with_TLS_is_told_apart(said: str, meant: str) -> None:
    trouble = parse(f"[   1.234] session: greet: {said}; next try in 1.0 s".encode()).trouble
    assert trouble and meant in trouble


def test_lines_are_put_together_from_pieces_and_bounded() -> None:
    lines = Lines()
    assert lines.take(b"[   0.0") == []
    assert [one.said for one in lines.take(b"01] a\r\n\r\nb\nc")] == ["a", "b"]
    assert [one.said for one in lines.flush()] == ["c"]
    assert lines.flush() == []
    assert len(lines.take(b"x" * 5000)) == 1
