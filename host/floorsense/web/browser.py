"""A Chromium without a window, to see the page as people do and to time it; and what was timed."""

import math
import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console

from floorsense.errors import UsageError

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_EDGES_MS = (5, 10, 20, 30, 50, 75, 100, 200, 500, 1000)
_BAR = 40


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
        from playwright.sync_api import sync_playwright

        room = self._rooms.enter_context(sync_playwright())
        # Root's Chromium runs without its sandbox or not at all.
        more = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._browser = room.chromium.launch(executable_path=self._path, args=["--disable-gpu", *more])
        self._rooms.callback(self._browser.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._rooms.close()

    def open(self, url: str, **more: Any) -> Any:
        """A page in a context of its own; ``more`` as Playwright's ``new_context`` takes it."""
        page = self._browser.new_context(**more).new_page()
        page.goto(url)
        return page


class Latency:
    """Times in ms."""

    def __init__(self, times: Sequence[float], dropped: int) -> None:
        self.times = sorted(times)
        self.dropped = dropped

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
        told = {"readings": len(self.times), "dropped": self.dropped, "histogram": dict(self.histogram())}
        return told | {"p50": self.quantile(0.5), "p99": self.quantile(0.99), "worst": self.times[-1]}

    def show(self, console: Console) -> None:
        most = max(count for _, count in self.histogram())
        for name, count in self.histogram():
            console.print(f"{name:>10} {count:7} {'#' * round(_BAR * count / most)}")
        console.print(
            f"{len(self.times)} readings from the end of their conversion to the page: p50 {self.quantile(0.5):.0f} ms, "
            f"p99 {self.quantile(0.99):.0f} ms, worst {self.times[-1]:.0f} ms; {self.dropped} dropped",
            soft_wrap=True,
        )
