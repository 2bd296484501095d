"""Conformance as its user runs it: our own firmware passes, and devices that are wrong fail by the right case."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ADVISE = [sys.executable, "-m", "floorsense", "advise"]
SIMULATE = f"{sys.executable} -m floorsense simulate --broker mqtt://{{host}}:{{port}}"
OURS = f"{SIMULATE} --qos temperature=1,pressure=0,humidity=2 --keepalive 8"
# All but those that take long: T02 and T05 take most of a minute, T08 and T22 half of one.
QUICK = ["T01", "T03", "T04", "T06", "T07", "T10", "T13", "T14", "T16", "T17", "T18", "T19", "T20", "T21", "T23", "T24", "T27"]

# A device for each way to be wrong, in as many lines as it takes.
WRONG = """
import socket, sys, time

kind, port = sys.argv[1], int(sys.argv[2])
text = lambda data: len(data).to_bytes(2, "big") + data
connect = text(b"MQTT") + b"\\4\\0\\0\\2" + text(b"wrong")
if kind == "ends":
    sys.exit("no network")
if kind == "waits":
    time.sleep(60)
while True:
    try:
        link = socket.create_connection(("127.0.0.1", port))
        link.sendall(bytes([0x10, len(connect)]) + connect)
        link.recv(100)
        number = 0
        while True:
            number = 0 if kind == "zero" else number + 1
            body = text(b"a/b") + number.to_bytes(2, "big") + b"reading %d" % time.monotonic_ns()
            packet = bytes([0x32, len(body)]) + body
            link.sendall(packet + packet[:-1] + b"!" if kind == "reuses" else packet)
            link.settimeout(0.3)
            try:
                if not link.recv(100):
                    break
                time.sleep(0.2)
            except TimeoutError:
                pass
    except OSError:
        pass
    if kind == "fragile":
        sys.exit("it was too much")
"""


def advise(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*ADVISE, *arguments], capture_output=True, text=True, timeout=58, check=False)


def cases(*names: str) -> list[str]:
    return [word for name in names for word in ("--case", name)]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    file = tmp_path_factory.mktemp("advise") / "junit.xml"
    done = advise("--device", OURS, "--patience", "20", "--json", "--junit", str(file), *cases(*QUICK))
    assert done.stdout, done.stderr
    return {**json.loads(done.stdout), "exit_code": done.returncode}, file


@pytest.mark.parametrize("name", QUICK)
def test_our_own_firmware_passes(ours: tuple[dict[str, Any], Path], name: str) -> None:
    report, _ = ours
    (case,) = [one for one in report["cases"] if one["case"] == name]
    assert case["verdict"] == "passed", "\n".join([case["text"], *case["evidence"], *case["said"]])
    assert case["text"]
    assert case["evidence"]


def test_all_passed_is_exit_code_0_and_so_says_the_JUnit_file(ours: tuple[dict[str, Any], Path]) -> None:
    report, file = ours
    assert report["ok"] and report["exit_code"] == 0
    suite = ElementTree.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == (str(len(QUICK)), "0", "0")


def test_what_a_device_cannot_be_asked_is_not_shown_and_says_why(tmp_path: Path) -> None:
    done = advise("--device", wrong(tmp_path, "forgetful"), "--json", *cases("T07", "T09", "T11", "T12"))
    assert done.returncode == 0
    found = {one["case"]: (one["verdict"], one["text"]) for one in json.loads(done.stdout)["cases"]}
    assert {verdict for verdict, _ in found.values()} == {"not shown"}
    assert "no {host} in its command" in found["T07"][1]


def wrong(folder: Path, kind: str) -> str:
    program = folder / "wrong.py"
    program.write_text(WRONG)
    return f"{sys.executable} {program} {kind} {{port}}"


def test_a_device_that_forgets_and_never_waits_fails_by_name_with_the_evidence(tmp_path: Path) -> None:
    names = ("T03", "T04", "T13", "T17", "T19", "T24", "T25", "T27")
    done = advise("--device", wrong(tmp_path, "forgetful"), "--patience", "6", "--json", *cases(*names))
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert not report["ok"]
    found = {one["case"]: (one["verdict"], one["text"]) for one in report["cases"]}
    assert found["T03"][1].startswith("it dials over and over")
    assert "at least 1 s was due" in found["T04"][1]
    assert "was never sent again" in found["T13"][1]
    assert "were not sent again" in found["T17"][1]
    assert "it has not noticed" in found["T24"][1]
    assert {found[name][0] for name in ("T03", "T04", "T13", "T17", "T24")} == {"failed"}
    assert {found[name][0] for name in ("T19", "T25", "T27")} == {"not shown"}
    lost = next(one for one in report["cases"] if one["case"] == "T13")
    assert any("> PUBLISH QoS 1 id 1 a/b" in line and "| 32 " in line for line in lost["evidence"])


def test_a_packet_id_that_is_used_anew_before_its_PUBACK_fails(tmp_path: Path) -> None:
    done = advise("--device", wrong(tmp_path, "reuses"), "--json", *cases("T15"))
    (case,) = json.loads(done.stdout)["cases"]
    assert (case["verdict"], case["text"]) == (
        "failed",
        "packet id 1 is used for a new message while the old one is not acknowledged",
    )


def test_a_broken_packet_fails_whatever_the_case_was_about(tmp_path: Path) -> None:
    done = advise("--device", wrong(tmp_path, "zero"), *cases("T01"))
    assert done.returncode == 1
    assert "PUBLISH with packet id 0" in " ".join(done.stdout.split())
    assert "> PUBLISH QoS 1 id 0 a/b" in done.stdout
    assert done.stdout.splitlines()[-1] == "FAILED: 0 passed, 1 failed, 0 not shown"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("ends", "error: --device: the command ended with exit code 1 and did not connect: no network"),
        ("waits", "error: --device: it did not connect within 5 s"),
    ],
)
def test_a_device_that_never_connects_is_one_line_and_exit_code_3(tmp_path: Path, kind: str, text: str) -> None:
    done = advise("--device", wrong(tmp_path, kind), "--patience", "5")
    assert (done.returncode, done.stderr.splitlines()) == (3, [text])


def test_a_device_that_ends_is_told_by_its_last_words_at_once_and_in_no_case_taken_for_patient(tmp_path: Path) -> None:
    names = ("T03", "T04", "T06", "T13")
    done = advise("--device", wrong(tmp_path, "fragile"), "--json", *cases(*names))
    assert done.returncode == 1, done.stderr
    for one in json.loads(done.stdout)["cases"]:
        assert one["verdict"] == "failed"
        assert "the command ended with exit code 1" in one["text"] and "it was too much" in one["text"], one["text"]
        # Not after the whole patience of 100 s.
        assert one["seconds"] < 30


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--device", "true"], "--device: there is no {port} in it"),
        (["--device", "no-such-program {port}"], "--device: there is no program 'no-such-program'"),
        (["--device", "'true {port}"], "--device: No closing quotation"),
        (["--device", "true {port}", "--case", "T99"], "--case T99: there is no such case"),
        (["--device", "true {port}", "--case", "T09", "--junit", "/no/such/folder/x.xml"], "--junit /no/such/folder/x.xml"),
        ([], "Missing option '--device'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], text: str) -> None:
    done = advise(*arguments)
    assert done.returncode == 2
    assert text in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_simulated_board_is_started_alone_and_stopped_by_SIGINT() -> None:
    """At a port where nobody listens: it says so, and ends with its account."""
    process = subprocess.Popen(
        [sys.executable, "-m", "floorsense", "simulate", "--broker", "mqtt://127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "refused the connection" in line:
            break
    process.send_signal(2)
    said, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "0 delivered" in said
