"""A tree of modules as they stand in their sources: what each defines, imports, and has as a constant."""

import ast
import contextlib
import operator
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from floorsense.toolchain.scopes import defined, own_names, within

# MicroPython interns strings up to this length, and boards have whole numbers up to this one in a word; what is longer would be
# an object anew wherever it is used.
_INTERNED = 9
_SMALL = (1 << 30) - 1
_OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitOr: operator.or_,
}


@dataclass(frozen=True)
class Symbol:
    """A module, or a ``name`` in one."""

    module: str
    name: str = ""


@dataclass
class Module:
    """``names``: what it binds at its top level; ``sure``: those of them that it defines whatever happens; ``once``: the values
    of those that are assigned once and never again; ``imported``: what those stand for that an import binds."""

    name: str
    path: str
    package: str
    tree: ast.Module
    names: set[str]
    sure: set[str]
    once: dict[str, ast.expr] = field(default_factory=dict)
    imported: dict[str, Symbol] = field(default_factory=dict)


def read(path: str, text: str) -> Module:
    """The module at ``path``, which is relative to the folder that is on the importer's path."""
    parts = PurePosixPath(path).with_suffix("").parts
    is_package = parts[-1] == "__init__"
    name = ".".join(parts[:-1] if is_package else parts)
    tree = ast.parse(text, path)
    module = Module(
        name,
        path,
        name if is_package else name.rpartition(".")[0],
        tree,
        own_names(tree),
        {one for node in tree.body for one in defined(node)},
    )
    stored = Counter(node.id for node in within(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load))
    stored.update(name for node in ast.walk(tree) if isinstance(node, ast.Global) for name in node.names)
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if stored[target] == 1:
                module.once[target] = value
            case ast.Import() | ast.ImportFrom():
                module.imported.update(imports(statement, module.package))
    return module


def imports(statement: ast.Import | ast.ImportFrom, package: str) -> dict[str, Symbol]:
    """What each name stands for that an import in ``package`` binds."""
    if isinstance(statement, ast.Import):
        return {
            alias.asname or alias.name.partition(".")[0]: Symbol(alias.name if alias.asname else alias.name.partition(".")[0])
            for alias in statement.names
        }
    base = absolute(statement, package)
    return {alias.asname or alias.name: Symbol(base, alias.name) for alias in statement.names}


def absolute(statement: ast.ImportFrom, package: str) -> str:
    """The module that ``from X import`` names where it stands in ``package``."""
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    base = parts[: len(parts) + 1 - statement.level]
    return ".".join([*base, *([statement.module] if statement.module else [])])


class Tree:
    """Modules by their names."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        """``sources``: texts by their paths. One that is no Python is left to the compiler, which says so."""
        self.modules: dict[str, Module] = {}
        for path, text in sources.items():
            with contextlib.suppress(SyntaxError):
                module = read(path, text)
                self.modules[module.name] = module

    def meant(self, symbol: Symbol) -> Symbol:
        """What a symbol stands for in the end, where modules pass on what they import."""
        if not symbol.name:
            return symbol
        if f"{symbol.module}.{symbol.name}" in self.modules:
            return Symbol(f"{symbol.module}.{symbol.name}")
        module = self.modules.get(symbol.module)
        if module is not None and symbol.name in module.imported:
            return self.meant(module.imported[symbol.name])
        return symbol

    def constant(self, symbol: Symbol) -> int | str | None:
        """The value of a whole number or of a short string that never changes; None for what is neither."""
        module = self.modules.get(symbol.module)
        if module is None or symbol.name not in module.once:
            return None
        value = self._value(module, module.once[symbol.name])
        is_long = len(value) > _INTERNED if isinstance(value, str) else value is not None and abs(value) > _SMALL
        return None if is_long else value

    def _value(self, module: Module, node: ast.expr) -> int | str | None:
        match node:
            case ast.Call(func=ast.Name(id="const"), args=[inner]):
                return self._value(module, inner)
            case ast.Constant(value=int() | str() as value) if not isinstance(value, bool):
                return value
            case ast.Name(id=name):
                return self.constant(self.meant(Symbol(module.name, name)))
            case ast.BinOp(left=left, op=kind, right=right) if type(kind) in _OPERATORS:
                one, other = self._value(module, left), self._value(module, right)
                if isinstance(one, int) and isinstance(other, int):
                    return int(_OPERATORS[type(kind)](one, other))
        return None
