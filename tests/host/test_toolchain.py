"""The setup room: what is fetched is what was pinned, and what is missing is told in one line."""

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from floorsense.errors import FloorsenseError, UsageError
from floorsense.paths import require_checkout
from floorsense.toolchain import libraries, micropython, mosquitto
from floorsense.toolchain.libraries import Library, ensure_libraries

CODE = b"print('a library')\n"


def sdist(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def wheel(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


Index = Callable[..., Library]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """A package index on disk that pip is configured with; adds one archive and pins it, by its own hash or another."""
    folder = tmp_path / "simple"
    monkeypatch.setenv("PIP_INDEX_URL", folder.as_uri())
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", " ")
    libraries._configured.cache_clear()

    def add(filename: str, content: bytes, sha256: str | None = None) -> Library:
        project = folder / "floor-lib"
        project.mkdir(parents=True, exist_ok=True)
        (project / filename).write_bytes(content)
        (project / "index.html").write_text(f"<!DOCTYPE html><html><body><a href='{filename}'>{filename}</a></body></html>")
        one = Library("floor-lib", "1.0", sha256 or hashlib.sha256(content).hexdigest(), "floorlib")
        monkeypatch.setattr(libraries, "LIBRARIES", (one,))
        return one

    yield add
    libraries._configured.cache_clear()


SOURCE_ARCHIVE = sdist({"floor-lib-1.0/PKG-INFO": b"Name: floor-lib\n", "floor-lib-1.0/floorlib/simple.py": CODE})
WHEEL = wheel({"floorlib/__init__.py": b"", "floorlib/simple.py": CODE, "floor_lib-1.0.dist-info/METADATA": b""})


@pytest.mark.parametrize(
    ("filename", "content"),
    [("floor-lib-1.0.tar.gz", SOURCE_ARCHIVE), ("floor_lib-1.0-py3-none-any.whl", WHEEL)],
    ids=["a source archive that pip would refuse", "a wheel without what it depends on"],
)
def test_a_library_is_fetched_once(index: Index, tmp_path: Path, filename: str, content: bytes) -> None:
    index(filename, content)
    lib = tmp_path / "lib"
    assert ensure_libraries(lib) == ["floor-lib 1.0"]
    assert (lib / "floorlib" / "simple.py").read_bytes() == CODE
    assert sorted(path.name for path in lib.iterdir()) == ["floorlib", "floorlib.sha256"]
    assert ensure_libraries(lib) == []


def test_another_pin_is_fetched_anew(index: Index, tmp_path: Path) -> None:
    index("floor-lib-1.0.tar.gz", SOURCE_ARCHIVE)
    ensure_libraries(tmp_path / "lib")
    index("floor-lib-1.0.tar.gz", sdist({"floor-lib-1.0/floorlib/other.py": CODE}))
    assert ensure_libraries(tmp_path / "lib") == ["floor-lib 1.0"]
    assert [path.name for path in (tmp_path / "lib" / "floorlib").iterdir()] == ["other.py"]


def test_an_archive_with_another_hash_is_not_taken(index: Index, tmp_path: Path) -> None:
    index("floor-lib-1.0.tar.gz", SOURCE_ARCHIVE, sha256="0" * 64)
    with pytest.raises(FloorsenseError, match=r"^floor-lib 1\.0 with the hash it should have is not to be had from file:"):
        ensure_libraries(tmp_path / "lib")
    assert list((tmp_path / "lib").iterdir()) == []


def test_an_archive_without_the_library_is_told(index: Index, tmp_path: Path) -> None:
    index("floor-lib-1.0.tar.gz", sdist({"floor-lib-1.0/README": b""}))
    with pytest.raises(FloorsenseError, match=r"^floor-lib 1\.0: the archive has no folder floorlib$"):
        ensure_libraries(tmp_path / "lib")


def test_an_archive_that_would_write_elsewhere_is_refused(index: Index, tmp_path: Path) -> None:
    index("floor-lib-1.0.tar.gz", sdist({"floor-lib-1.0/floorlib/a.py": b"", "../../../outside.py": CODE}))
    with pytest.raises(FloorsenseError, match=r"^floor-lib 1\.0: what came cannot be unpacked: .*$"):
        ensure_libraries(tmp_path / "lib")
    assert not list(tmp_path.rglob("outside.py"))


def test_an_index_that_cannot_be_reached_is_told(index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index("floor-lib-1.0.tar.gz", SOURCE_ARCHIVE)
    # The discard port: nothing listens there.
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    libraries._configured.cache_clear()
    with pytest.raises(FloorsenseError, match=r"^floor-lib 1\.0 cannot be fetched \(.*\); is there a network\?$") as error:
        ensure_libraries(tmp_path / "lib")
    assert "secret" not in str(error.value)


def program(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing_beside_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No MicroPython beside this Python; returns the only folder on the PATH."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "venv" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "bin"


def test_a_micropython_on_the_path_serves(nothing_beside_python: Path) -> None:
    vm = program(nothing_beside_python, "micropython", "echo micropython 1 24")
    assert micropython.find_micropython() == vm


@pytest.mark.parametrize(
    "script", ["echo micropython 1 23", "echo cpython 3 14", "echo hello", "exit 1"], ids=["old", "other", "mute", "dead"]
)
def test_what_is_no_micropython_of_today_does_not_serve(nothing_beside_python: Path, script: str) -> None:
    program(nothing_beside_python, "micropython", script)
    with pytest.raises(FloorsenseError, match=r"^no MicroPython 1\.24 or later: .* put `micropython` on the PATH$"):
        micropython.find_micropython()


def test_a_tree_is_compiled_only_when_a_source_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRMWARE", "LIB", "BOARDS"):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(micropython, name, tmp_path / name)
    monkeypatch.setattr(micropython, "BUILD", tmp_path / "build")
    (tmp_path / "FIRMWARE" / "floornode.py").write_text("a = 1\n")
    tree = micropython.compile_tree("armv6m")
    compiled = tree / "floornode.mpy"
    first = compiled.stat().st_ino, compiled.read_bytes()
    assert (micropython.compile_tree("armv6m") / "floornode.mpy").stat().st_ino == first[0]
    (tmp_path / "FIRMWARE" / "floornode.py").write_text("a = 2\n")
    assert (micropython.compile_tree("armv6m") / "floornode.mpy").read_bytes() != first[1]
    (tmp_path / "FIRMWARE" / "floornode.py").rename(tmp_path / "FIRMWARE" / "renamed.py")
    assert [path.name for path in micropython.compile_tree("armv6m").glob("*.mpy")] == ["renamed.mpy"]


@pytest.fixture
def debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with apt-get and sudo, which write down that they were called, and no Mosquitto."""
    policy, said = tmp_path / "policy-rc.d", tmp_path / "said"
    for name in ("apt-get", "sudo", "systemctl"):
        program(tmp_path / "bin", name, f'echo "{name} $*; policy: $([ -x {policy} ] && {policy}; echo $?)" >>{said}')
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "bin"), "/bin"]))
    monkeypatch.setattr(mosquitto, "_PLACES", ())
    return tmp_path


def test_mosquitto_is_installed_as_root_with_no_service_started(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    policy = debian / "policy-rc.d"
    mosquitto.install_mosquitto(policy)
    # 101: the policy that is asked says that nothing may start.
    assert (debian / "said").read_text().splitlines() == [
        "apt-get update -qq; policy: 101",
        "apt-get install -y -qq mosquitto; policy: 101",
        "systemctl disable mosquitto; policy: 101",
    ]
    assert not policy.exists()


def test_a_policy_of_the_machines_owner_is_kept(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    policy = program(debian, "policy-rc.d", "exit 104")
    mosquitto.install_mosquitto(policy)
    assert "policy: 104" in (debian / "said").read_text()
    assert policy.read_text() == "#!/bin/sh\nexit 104\n"


def test_nothing_is_installed_where_that_would_need_a_password(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not mosquitto.install_mosquitto(debian / "policy-rc.d")
    assert not (debian / "said").exists()
    assert mosquitto.how_to_install() == "sudo apt-get install mosquitto"


def test_an_installation_that_fails_is_no_mosquitto(debian: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(debian / "bin", "apt-get", "exit 100")
    assert not mosquitto.install_mosquitto(debian / "policy-rc.d")
    assert not (debian / "policy-rc.d").exists()


def test_an_installation_without_its_checkout_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="floorsense runs from a checkout"):
        require_checkout(tmp_path)
