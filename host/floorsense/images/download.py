"""MicroPython's download site: the newest image of a board, read with bounds, checked, and kept whole or not at all."""

import contextlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2

from floorsense.boards import Board
from floorsense.errors import BoardError, BoardUnreachable, UsageError
from floorsense.flashing import image
from floorsense.flashing.image import Image
from floorsense.images import cache
from floorsense.images.cache import Cached

SITE_VARIABLE = "FLOORSENSE_IMAGE_SITE"
_TIME_LIMIT_S = 30.0
_PAGE_LIMIT = 4 << 20
# Beside the page https://micropython.org/download/BOARD/ the site keeps its files here.
_FILES = "/resources/firmware/"

# bytes done, bytes in all (0 where the server does not say)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Download:
    """An image that has come: ``partial`` is where it lies until ``keep`` or ``drop``."""

    image: Image
    url: str
    partial: Path

    def keep(self) -> Path:
        """Into the cache, under its name."""
        path = cache.folder() / self.image.name
        self.partial.replace(path)
        return path

    def drop(self) -> None:
        self.partial.unlink(missing_ok=True)


def site_of(board: Board, site: str | None) -> str:
    """The address to ask: ``site``, FLOORSENSE_IMAGE_SITE, or the board folder's. Raises UsageError."""
    assert board.image is not None
    found = site or os.environ.get(SITE_VARIABLE) or board.image.page
    if urlsplit(found).scheme not in ("https", "http") or not urlsplit(found).hostname:
        raise UsageError(f"image site {found!r}: must be an address like https://micropython.org")
    return found


def newest(board: Board, site: str, version: str | None, client: httpx2.Client) -> tuple[Cached, str]:
    """The newest release for ``board`` (or that ``version``), and its address. Raises BoardUnreachable, BoardError."""
    assert board.image is not None
    page = urljoin(site, urlsplit(board.image.page).path)
    with _response(client, page, board) as response:
        text = b"".join(_bounded(response, _PAGE_LIMIT, page)).decode("utf-8", "replace")
    found = [one for one in cache.names_on(text, board) if version in (None, one.version)]
    if not found:
        what = f"version {version} of {board.name}" if version else f"image for {board.name}"
        raise BoardError(f"{page} has no {what}")
    return found[0], urljoin(site, _FILES + found[0].path.name)


def fetch(name: str, url: str, board: Board, client: httpx2.Client, report: Progress) -> Download:
    """Download the image ``name``, and hold it against ``board``. Nothing is left behind where that fails."""
    target = cache.folder()
    try:
        target.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(prefix=".part-", dir=target)
    except OSError as error:
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    partial = Path(scratch)
    try:
        with os.fdopen(handle, "wb") as file, _response(client, url, board) as response:
            total = int(response.headers.get("content-length", 0))
            done = 0
            for piece in _bounded(response, image.limit(board), url):
                file.write(piece)
                done += len(piece)
                report(done, total)
        partial.chmod(0o644)
        try:
            found = image.read(partial, board)
        except UsageError as error:
            raise BoardError(f"{url}: what came {str(error).removeprefix(f'image {partial}: ')}; nothing was kept") from error
        return Download(Image(name, found.data, found.sha256), url, partial)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"{target}: cannot be written: {error.strerror}") from error
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def open_client() -> httpx2.Client:
    """Certificates are verified, redirects followed (a few), every wait limited."""
    return httpx2.Client(timeout=_TIME_LIMIT_S, follow_redirects=True, max_redirects=5)


@contextlib.contextmanager
def _response(client: httpx2.Client, url: str, board: Board) -> Iterator[httpx2.Response]:
    try:
        with client.stream("GET", url) as response:
            if response.status_code != 200:
                raise BoardError(f"{url}: the server says {response.status_code} {response.reason_phrase}; {by_hand(board)}")
            yield response
    except httpx2.RemoteProtocolError as error:
        raise BoardUnreachable(f"{url}: the connection broke off ({error}); nothing was kept") from error
    except httpx2.HTTPError as error:
        raise BoardUnreachable(f"{url} cannot be reached ({_words(error)}); {by_hand(board)}") from error


def _words(error: Exception) -> str:
    """Without the system's number, which says nothing to a person."""
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error)) or type(error).__name__


def _bounded(response: httpx2.Response, limit: int, url: str) -> Iterator[bytes]:
    done = 0
    for piece in response.iter_bytes(64 * 1024):
        done += len(piece)
        if done > limit:
            raise BoardError(f"{url}: is larger than {limit} bytes, which no image is; nothing was kept")
        yield piece


def by_hand(board: Board) -> str:
    """What to do where there is no network."""
    assert board.image is not None
    return (
        f"without a network: get the newest {board.image.name.replace('{date}', 'DATE').replace('{version}', 'VERSION')} "
        f"from {board.image.page} elsewhere, and give it to `floorsense images pin FILE`"
    )
