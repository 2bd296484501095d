"""Images: listed, pinned, and fetched from a download site that this test serves on loopback."""

import hashlib
import http.server
import io
import json
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import images
from floorsense.cli import main

Run = Callable[..., tuple[int, str, str]]
OLD, NEW = "RPI_PICO_W-20250415-v1.25.0.uf2", "RPI_PICO_W-20260112-v1.28.1.uf2"
PREVIEW = "RPI_PICO_W-20260301-v1.29.0-preview.42.gabcdef.uf2"
IMAGE = images.uf2(images.noise(40_000))
DIGEST = hashlib.sha256(IMAGE).hexdigest()


class Site:
    """MicroPython's download site, as far as a page of links and the files behind them. ``spoil`` changes what is sent."""

    def __init__(self) -> None:
        links = [f'<a href="/resources/firmware/{name}">{name}</a>' for name in (PREVIEW, OLD, NEW)]
        self.pages = {
            "/download/RPI_PICO_W/": "".join(links).encode(),
            "/download/ESP32_GENERIC/": b"<p>nothing yet</p>",
            f"/resources/firmware/{NEW}": IMAGE,
            f"/resources/firmware/{OLD}": images.uf2(b"old"),
        }
        self.asked: list[str] = []
        self.promised: int | None = None
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.pages.get(self.path)
                self.send_response(404 if body is None else 200)
                is_file = self.path.startswith("/resources")
                self.send_header("Content-Length", str(site.promised if site.promised and is_file else len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    thread = threading.Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join(5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache; the pins lie beside it."""
    monkeypatch.setenv("FLOORSENSE_IMAGES", str(tmp_path / "images"))
    monkeypatch.setenv("FLOORSENSE_PINS", str(tmp_path / "SHA256SUMS"))
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path / "images"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs ``floorsense images``: exit code, stdout, stderr."""

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main(["images", *map(str, arguments)])
        out, err = capsys.readouterr()
        return int(end.value.code or 0), out, err

    return command


def pin(folder: Path, digest: str, name: str = NEW) -> None:
    (folder.parent / "SHA256SUMS").write_text(f"{digest}  {name}\n")


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_newest_release_is_fetched_and_held_against_its_pin(site: Site, folder: Path, run: Run) -> None:
    pin(folder, DIGEST)
    code, out, err = run("fetch", "RPI_PICO_W", "--site", site.url)
    assert (code, err) == (0, "")
    assert out == f"{NEW}: fetched, as pinned ({folder / NEW})\n"
    assert left(folder) == [NEW]
    assert (folder / NEW).read_bytes() == IMAGE


def test_what_is_here_as_pinned_is_not_fetched_again(site: Site, folder: Path, run: Run) -> None:
    pin(folder, DIGEST)
    run("fetch", "RPI_PICO_W", "--site", site.url)
    site.asked.clear()
    code, out, _ = run("fetch", "RPI_PICO_W", "--site", site.url, "--json")
    assert (code, json.loads(out)["what"]) == (0, "is here already, as pinned")
    assert site.asked == ["/download/RPI_PICO_W/"]


def test_another_release_is_fetched_when_asked(site: Site, folder: Path, run: Run) -> None:
    pin(folder, hashlib.sha256(images.uf2(b"old")).hexdigest(), OLD)
    assert run("fetch", "RPI_PICO_W", "--site", site.url, "--version", "1.25.0")[0] == 0
    assert left(folder) == [OLD]


def test_a_download_that_is_not_the_pinned_file_is_refused(site: Site, folder: Path, run: Run) -> None:
    pin(folder, "0" * 64)
    code, out, err = run("fetch", "RPI_PICO_W", "--site", site.url)
    assert (code, out, left(folder)) == (1, "", [])
    assert f"is not the file that was pinned ({'0' * 64}), but {DIGEST}; nothing was kept" in err


def test_a_script_is_refused_what_nobody_vouches_for_and_shown_what_it_was(site: Site, folder: Path, run: Run) -> None:
    code, out, err = run("fetch", "RPI_PICO_W", "--site", site.url)
    assert (code, out, left(folder)) == (1, "", [])
    assert f"SHA-256 {DIGEST}" in err
    assert err.splitlines()[-1].startswith(f"error: {NEW} is not pinned and nobody is here to vouch for it; nothing was kept")


@pytest.mark.parametrize(("answer", "code", "kept"), [(b"y\n", 0, [NEW]), (b"n\n", 1, [])])
def test_a_person_is_shown_the_hash_and_asked(site: Site, folder: Path, answer: bytes, code: int, kept: list[str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "floorsense", "images", "fetch", "RPI_PICO_W", "--site", site.url]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as person:
        os.close(theirs)
        os.write(ours, answer)
        _, err = person.communicate(timeout=30)
        os.close(ours)
    assert person.returncode == code
    assert DIGEST in err.decode() and "Keep it, and pin this hash?" in err.decode()
    assert left(folder) == kept
    pinned = folder.parent / "SHA256SUMS"
    assert (pinned.read_text() if pinned.exists() else "") == (f"{DIGEST}  {NEW}\n" if kept else "")


@pytest.mark.parametrize(
    ("body", "promised", "reason", "code"),
    [
        (IMAGE[:2048], len(IMAGE), "broke off", 3),
        (IMAGE[:-512], None, "what came UF2 block 0: says that there are", 1),
        (b"<html>busy</html>", None, "what came is no UF2 file", 1),
        (bytes(5 << 20), None, "is larger than", 1),
    ],
    ids=["cut off", "half a file", "a page", "endless"],
)
def test_no_partial_or_wrong_file_is_kept(
    site: Site, folder: Path, run: Run, body: bytes, promised: int | None, reason: str, code: int
) -> None:
    pin(folder, DIGEST)
    site.pages[f"/resources/firmware/{NEW}"] = body
    site.promised = promised
    found, out, err = run("fetch", "RPI_PICO_W", "--site", site.url)
    assert (found, out, left(folder)) == (code, "", [])
    assert reason in err and "nothing was kept" in err
    assert len(err.splitlines()) == 1


def test_no_network_names_the_file_and_where_it_goes(folder: Path, run: Run) -> None:
    code, _, err = run("fetch", "RPI_PICO_W", "--site", "http://127.0.0.1:9")
    assert code == 3
    assert "http://127.0.0.1:9/download/RPI_PICO_W/ cannot be reached" in err
    assert "get the newest RPI_PICO_W-DATE-vVERSION.uf2 from https://micropython.org/download/RPI_PICO_W/ elsewhere" in err
    assert "floorsense images pin FILE" in err


def test_the_site_may_be_set_in_the_environment(site: Site, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOORSENSE_IMAGE_SITE", site.url)
    pin(folder, DIGEST)
    assert run("fetch", "RPI_PICO_W")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("ESP32_GENERIC",), 1, "has no image for ESP32_GENERIC"),
        (("RPI_PICO_W", "--version", "9.9.9"), 1, "has no version 9.9.9 of RPI_PICO_W"),
        (("ESP32_GENERIC_S3",), 1, "the server says 404"),
        (("SIMULATED",), 2, "SIMULATED has no image"),
        (("RPI_PICO",), 2, "did you mean RPI_PICO_W?"),
        (("RPI_PICO_W", "--site", "ftp://x"), 2, "must be an address like https://micropython.org"),
    ],
)
def test_what_is_not_to_be_had_is_said(
    site: Site, folder: Path, run: Run, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    found, _, err = run("fetch", "--site", site.url, *arguments)
    assert found == code
    assert reason in err and len(err.splitlines()) == 1


def test_pin_computes_the_hash_from_the_file_and_keeps_a_copy(tmp_path: Path, folder: Path, run: Run) -> None:
    file = tmp_path / NEW
    file.write_bytes(IMAGE)
    assert run("pin", file) == (0, f"pinned: {DIGEST}  {NEW}\n", "")
    assert run("pin", file) == (0, f"was pinned already: {DIGEST}  {NEW}\n", "")
    assert (folder / NEW).read_bytes() == IMAGE
    checked = subprocess.run(["sha256sum", "-c", str(tmp_path / "SHA256SUMS")], cwd=folder, capture_output=True, check=False)
    assert checked.stdout == f"{NEW}: OK\n".encode()


def test_another_file_of_a_pinned_name_must_be_meant(tmp_path: Path, folder: Path, run: Run) -> None:
    file = tmp_path / NEW
    file.write_bytes(IMAGE)
    run("pin", file)
    file.write_bytes(images.uf2(b"another"))
    code, _, err = run("pin", file)
    assert code == 1
    assert f"is pinned as {DIGEST}, and this file is" in err
    assert run("pin", file, "--replace")[0] == 0


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("firmware.uf2", IMAGE, "is not called as a board's image is"),
        (PREVIEW, IMAGE, "is not called as a board's image is"),
        (NEW, IMAGE[:-1], "is no UF2 file"),
        ("ESP32_GENERIC-20260112-v1.28.1.bin", IMAGE, "is no image for the ESP32 family"),
    ],
)
def test_what_is_no_image_is_not_pinned(tmp_path: Path, folder: Path, run: Run, name: str, data: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(data)
    code, _, err = run("pin", tmp_path / name)
    assert code == 2 and reason in err
    assert not (tmp_path / "SHA256SUMS").exists()


def test_the_list_tells_pinned_from_not_pinned_and_from_changed(tmp_path: Path, folder: Path, run: Run) -> None:
    folder.mkdir()
    for name, data in ((NEW, IMAGE), (OLD, images.uf2(b"old")), ("RPI_PICO2_W-20260112-v1.28.1.uf2", b""), ("notes.txt", b"")):
        (folder / name).write_bytes(data)
    (tmp_path / "SHA256SUMS").write_text(f"# ours\n{DIGEST} *{NEW}\n{'a' * 64}  {OLD}\n")
    code, out, _ = run("list", "--json")
    found = [(one["board"], one["version"], one["state"]) for one in json.loads(out)["images"]]
    assert code == 0
    assert found == [
        ("RPI_PICO2_W", "1.28.1", "not pinned"),
        ("RPI_PICO_W", "1.28.1", "pinned"),
        ("RPI_PICO_W", "1.25.0", "wrong hash"),
    ]


def test_an_empty_list_says_how_to_fill_it(folder: Path, run: Run) -> None:
    assert run("list") == (0, f"no images in {folder}: floorsense images fetch BOARD\n", "")


def test_a_damaged_pins_file_is_told_by_its_line(folder: Path, run: Run) -> None:
    (folder.parent / "SHA256SUMS").write_text(f"{DIGEST}  {NEW}\nrubbish\n")
    code, _, err = run("list")
    assert (code, "SHA256SUMS, line 2: must be a SHA-256, two blanks and a file name" in err) == (2, True)
