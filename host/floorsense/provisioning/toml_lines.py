"""On which line of a TOML file a value stands: the parser of the standard library does not tell."""

import re

_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?")
_ELEMENT = re.compile(r"\s*\[\[\s*([^\[\]]+?)\s*\]\]\s*(#.*)?")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


class TomlLines:
    """``of("sensors[1].address")`` is its line, or that of the innermost table that there is; None where there is none."""

    def __init__(self, text: str) -> None:
        self._lines: dict[str, int] = {}
        self._counts: dict[str, int] = {}
        self._aliases: dict[str, str] = {}
        table = ""
        quoted = ""
        for number, line in enumerate(text.splitlines(), 1):
            if quoted:
                quoted = "" if quoted in line else quoted
                continue
            if found := _ELEMENT.fullmatch(line):
                table = self._begin(found[1])
            elif found := _TABLE.fullmatch(line):
                table = self._resolve(_parts(found[1]))
            elif found := _KEY.match(line):
                self._put(_join(table, *_parts(found[1])), number)
                quoted = next((mark for mark in ('"""', "'''") if line.count(mark) == 1), "")
                continue
            else:
                continue
            self._put(table, number)

    def of(self, path: str) -> int | None:
        while path:
            if path in self._lines:
                return self._lines[path]
            path = re.sub(r"(\.[^.\[\]]+|\[\d+\]|^[^.\[\]]+)$", "", path)
        return None

    def _begin(self, name: str) -> str:
        path = self._resolve(_parts(name)[:-1])
        path = _join(path, _parts(name)[-1])
        count = self._counts.get(path, 0)
        self._counts[path] = count + 1
        self._aliases[path] = f"{path}[{count}]"
        return f"{path}[{count}]"

    def _resolve(self, parts: list[str]) -> str:
        path = ""
        for part in parts:
            path = _join(path, part)
            path = self._aliases.get(path, path)
        return path

    def _put(self, path: str, number: int) -> None:
        self._lines.setdefault(path, number)


def _parts(name: str) -> list[str]:
    return [part.strip("\"'") for part in _PART.findall(name)]


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)
