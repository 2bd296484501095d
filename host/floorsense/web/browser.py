"""A Chromium without a window, to see the page as people do and to time it; and what was timed."""

import math
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any

from rich.console import Console

from floorsense.errors import FloorsenseError, UsageError

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_EDGES_MS = (5, 10, 20, 30, 50, 75, 100, 200, 500, 1000)
_BAR = 40
_START_MS = 30_000


def find_chromium() -> str:
    """Its path. Raises UsageError that says how to have one."""
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        raise UsageError("Playwright is not installed: pip install 'floorsense[dev]'") from error
    found = next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        raise UsageError("no Chromium on this machine: apt-get install chromium")
    return found


class Browser:
    """``with Browser(path) as browser``: ``open`` pages until the block is left."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._rooms = ExitStack()
        self._browser: Any = None

    def __enter__(self) -> "Browser":
        """Raises UsageError where it does not start."""
        from playwright.sync_api import Error, sync_playwright

        room = self._rooms.enter_context(sync_playwright())
        # Root's Chromium runs without its sandbox or not at all.
        more = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        try:
            self._browser = room.chromium.launch(executable_path=self._path, args=["--disable-gpu", *more], timeout=_START_MS)
        except Error as error:
            self._rooms.close()
            raise UsageError(f"{self._path} did not start: {_last_words(str(error))}") from error
        self._rooms.callback(self._browser.close)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from playwright.sync_api import Error

        self._rooms.close()
        if isinstance(error, Error):
            raise FloorsenseError(f"{self._path}: {_last_words(str(error))}; is it still running?") from error

    def open(self, url: str, **more: Any) -> Any:
        """A page in a context of its own; ``more`` as Playwright's ``new_context`` takes it."""
        page = self._browser.new_context(**more).new_page()
        page.goto(url)
        return page


def _last_words(said: str) -> str:
    """Of the pages that Playwright tells, the last line that the browser itself wrote; else the first line of all."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    own = [line.partition("[err]")[2].strip() for line in lines if "[err]" in line]
    return next((line for line in reversed(own) if line), lines[0] if lines else "it said nothing")[:300]


class Latency:
    """Times in ms."""

    def __init__(self, times: Sequence[float], dropped: int, left_out: int = 0) -> None:
        """``dropped``: what the page was told that it did not get; ``left_out``: what was shown and has no true time."""
        self.times = sorted(times)
        self.dropped = dropped
        self.left_out = left_out

    def quantile(self, part: float) -> float:
        """The least time within which ``part`` of all lie."""
        return self.times[max(0, math.ceil(part * len(self.times)) - 1)]

    def histogram(self) -> list[tuple[str, int]]:
        counts = []
        below = 0
        for edge in _EDGES_MS:
            upto = sum(1 for one in self.times if one <= edge)
            counts.append((f"<= {edge} ms", upto - below))
            below = upto
        return [*counts, (f"> {_EDGES_MS[-1]} ms", len(self.times) - below)]

    def as_dict(self) -> dict[str, Any]:
        told = {"readings": len(self.times), "dropped": self.dropped, "left_out": self.left_out}
        told |= {"histogram": dict(self.histogram())}  # type: ignore[dict-item]
        return told | {"p50": self.quantile(0.5), "p99": self.quantile(0.99), "worst": self.times[-1]}

    def show(self, console: Console) -> None:
        most = max(count for _, count in self.histogram())
        for name, count in self.histogram():
            console.print(f"{name:>10} {count:7} {'#' * round(_BAR * count / most)}")
        console.print(
            f"{len(self.times)} readings from the end of their conversion to the page: p50 {self.quantile(0.5):.0f} ms, "
            f"p99 {self.quantile(0.99):.0f} ms, worst {self.times[-1]:.0f} ms; {self.dropped} dropped, "
            f"{self.left_out} left out (replayed, or of a clock that was not set)",
            soft_wrap=True,
        )
