"""Which files a board needs: those that its entry and its drivers import, and what these import in turn.

A board's flash is small, and each file takes a block of 4 KB of it at least: a board without an accelerometer does without the
arithmetic of vibration, and none needs CircuitPython's port.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def reached(roots: Iterable[Path], entries: Iterable[str]) -> set[str]:
    """Paths, relative to their root, of every module that ``entries`` (such paths too) import, themselves included.

    What is imported within a function counts as well; what is in no root is the runtime's.
    """
    found: set[str] = set()
    waiting = list(entries)
    folders = list(roots)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        path = next((folder / name for folder in folders if (folder / name).is_file()), None)
        if path is None:
            continue
        found.add(name)
        parts = Path(name).parent.parts
        # A module's packages are run before it.
        waiting += ["/".join([*parts[: depth + 1], "__init__.py"]) for depth in range(len(parts))]
        for module in _imported(path, parts):
            waiting += [f"{module}.py", f"{module}/__init__.py"]
    return found


def _imported(path: Path, package: tuple[str, ...]) -> Iterator[str]:
    """Every module that the file may import, as a path without its ending. ``from a import b`` may mean the module ``a/b``."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name.replace(".", "/")
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            if base:
                yield "/".join(base)
            for name in node.names:
                yield "/".join([*base, name.name])
