"""floorsense images: MicroPython's image files, fetched, and vouched for."""

import json
import sys
from pathlib import Path
from typing import Any

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from floorsense import boards
from floorsense.boards import Board
from floorsense.errors import BoardError, UsageError
from floorsense.flashing import image
from floorsense.images import cache, download, pins
from floorsense.wholefile import write_whole

_REFUSED = 1


@click.group()
def command() -> None:
    """MicroPython's image files: those that are here, their pinned hashes, and the download site.

    They are kept in FLOORSENSE_IMAGES (else XDG's cache folder), their hashes in FLOORSENSE_PINS (else SHA256SUMS in
    XDG's configuration folder), which `sha256sum -c` reads.

    Exit codes: 0 right, 1 the hash is not the pinned one, nobody vouches for the download, or the site has none,
    2 wrong usage, 3 the site cannot be reached.
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_images(as_json: bool) -> None:
    """The images in the cache, the newest of each board first; flash takes the first that is pinned."""
    pinned = pins.read()
    rows: list[dict[str, Any]] = []
    for one in cache.cached():
        digest = pins.sha256(one.path)
        state = "not pinned" if one.path.name not in pinned else "pinned" if pinned[one.path.name] == digest else "wrong hash"
        rows.append(
            {
                "board": one.board.name,
                "version": one.version,
                "date": one.date,
                "bytes": one.path.stat().st_size,
                "state": state,
                "sha256": digest,
                "path": str(one.path),
            }
        )
    if as_json:
        print(json.dumps({"folder": str(cache.folder()), "pins": str(pins.file()), "images": rows}))
    elif rows:
        for row in rows:
            print(f"{row['board']:18} {row['version']:8} {row['state']:10} {row['sha256'][:12]}  {row['path']}")
    else:
        print(f"no images in {cache.folder()}: floorsense images fetch BOARD")


@command.command("pin")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Take this file's hash in place of another that is pinned.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def pin_image(file: Path, replace: bool, as_json: bool) -> None:
    """Vouch for FILE: check it, record its SHA-256, and keep it in the cache.

    The hash is computed from the file; compare it with what whoever gave you the file says.
    """
    named = cache.called(file)
    if named is None and not file.exists():
        raise UsageError(f"image {file}: there is no such file")
    if named is None:
        patterns = ", ".join(one.image.name for one in boards.all_boards() if one.image)
        raise UsageError(f"{file.name} is not called as a board's image is ({patterns})")
    found = image.read(file, named.board)
    new = pins.pin(found.name, found.sha256, replace)
    kept = cache.folder() / found.name
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_whole(kept, found.data)
    except OSError as error:
        raise UsageError(f"{kept}: cannot be written: {error.strerror}") from error
    if as_json:
        print(
            json.dumps({"image": found.name, "sha256": found.sha256, "new": new, "path": str(kept), "pins": str(pins.file())})
        )
    else:
        print(f"{'pinned' if new else 'was pinned already'}: {found.sha256}  {found.name}")


@command.command("fetch")
@click.argument("board")
@click.option("--version", metavar="X.Y.Z", help="That release instead of the newest.")
@click.option("--site", metavar="URL", help="A mirror of the download site.  [env: FLOORSENSE_IMAGE_SITE]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def fetch_image(board: str, version: str | None, site: str | None, as_json: bool) -> int:
    """Get the newest image for BOARD from MicroPython's download site.

    One that is pinned is held against its pin. One that is not is shown, and you are asked whether you vouch for it; a
    script is refused, since nobody there can say so.
    """
    known = boards.load(board)
    if known.image is None:
        raise UsageError(f"{known.name} has no image: {known.flashing.boot_mode}")
    address = download.site_of(known, site)
    with download.open_client() as client:
        newest, url = download.newest(known, address, version, client)
        pinned = pins.read().get(newest.path.name)
        kept = cache.folder() / newest.path.name
        if pinned and kept.is_file() and pins.sha256(kept) == pinned:
            return _tell(kept, pinned, "is here already, as pinned", as_json)
        with _progress() as progress:
            task = progress.add_task(newest.path.name, total=None)
            got = download.fetch(
                newest.path.name,
                url,
                known,
                client,
                lambda done, total: progress.update(task, completed=done, total=total or None),
            )
    try:
        if pinned and pinned != got.image.sha256:
            raise BoardError(f"{url}: is not the file that was pinned ({pinned}), but {got.image.sha256}; nothing was kept")
        if not pinned and not _vouch(got, known):
            return _REFUSED
        if not pinned:
            pins.pin(got.image.name, got.image.sha256)
        return _tell(got.keep(), got.image.sha256, "fetched, as pinned" if pinned else "fetched and pinned", as_json)
    finally:
        got.drop()


def _vouch(got: download.Download, board: Board) -> bool:
    """Ask a person, who is shown what came; a script cannot be asked."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"{got.image.name} for {board.title}, {len(got.image.data)} bytes, from {got.url}")
    console.print(f"SHA-256 {got.image.sha256}")
    if not sys.stdin.isatty():
        raise BoardError(
            f"{got.image.name} is not pinned and nobody is here to vouch for it; nothing was kept: get it from {got.url}, "
            "compare its hash, and `floorsense images pin FILE`"
        )
    return click.confirm("Nobody has pinned it yet. Keep it, and pin this hash?", err=True)


def _tell(path: Path, sha256: str, what: str, as_json: bool) -> int:
    if as_json:
        print(json.dumps({"image": path.name, "sha256": sha256, "path": str(path), "what": what}))
    else:
        print(f"{path.name}: {what} ({path})")
    return 0


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn()
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
