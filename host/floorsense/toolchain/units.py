"""The modules that are compiled in the end: bundles, what is turned to them, and doors in the place of what was merged."""

import ast
import builtins
from collections.abc import Iterator, Mapping, Set

from floorsense.toolchain.modules import Module, Symbol, Tree
from floorsense.toolchain.renaming import Renamer


class Plan:
    """``homes``: the bundle of each merged module; ``apart``: what cannot be called there by its name alone."""

    def __init__(self, tree: Tree, homes: Mapping[str, str], apart: Set[Symbol] = frozenset()) -> None:
        self.homes = homes
        self.apart = apart
        self._tree = tree
        # What everything that is merged is called in its bundle.
        self.names: dict[Symbol, str] = {}
        for bundle in set(homes.values()):
            # What is built in is meant as such by the other members.
            taken = set(dir(builtins))
            for module in self.members(bundle):
                for symbol in self._defined(module):
                    name = symbol.name
                    if name in taken or symbol in apart:
                        name = f"{'_' if name.startswith('_') else ''}{module.name.rpartition('.')[2]}_{name.lstrip('_')}"
                    taken.add(name)
                    self.names[symbol] = name

    def members(self, bundle: str) -> list[Module]:
        """The modules of a bundle, each after those that it imports at its top level."""
        found: dict[str, Module] = {}

        def add(module: Module) -> None:
            for symbol in module.imported.values():
                source = self._tree.meant(symbol).module
                if source != module.name and self.homes.get(source) == bundle and source not in found:
                    add(self._tree.modules[source])
            found[module.name] = module

        for name, home in self.homes.items():
            if home == bundle and name not in found:
                add(self._tree.modules[name])
        return list(found.values())

    def is_constant(self, symbol: Symbol) -> bool:
        """Whether it is a constant of a merged module, which no module has at run time."""
        return symbol.module in self.homes and self._tree.constant(symbol) is not None

    def door(self, module: Module) -> str:
        """What is left in the place of a merged module: all that it surely defines and is not private, by its own names."""
        lines = []
        for name in sorted(one for one in module.sure if not one.startswith("_")):
            symbol = Symbol(module.name, name)
            if self.is_constant(symbol):
                lines.append(f"{name} = {self._tree.constant(symbol)!r}")
            else:
                lines.append(f"from {self.homes[module.name]} import {self.names[symbol]} as {name}")
        return "\n".join(lines) + "\n"

    def _defined(self, module: Module) -> Iterator[Symbol]:
        for name in sorted(module.names - set(module.imported)):
            symbol = Symbol(module.name, name)
            if not self.is_constant(symbol):
                yield symbol


class Unit:
    """One module that is to be compiled, and what it imports and has as constants."""

    def __init__(self, tree: Tree, plan: Plan, name: str) -> None:
        self.hidden: set[Symbol] = set()
        self._tree = tree
        self._plan = plan
        self._name = name
        self._constants: dict[Symbol, str] = {}
        self._imports: dict[Symbol, str] = {}
        self._taken: set[str] = set()

    def text(self, members: list[Module]) -> str:
        """The source of the members' statements, one behind the other."""
        for module in members:
            for name in module.names - set(module.imported):
                symbol = Symbol(module.name, name)
                if not self._plan.is_constant(symbol):
                    self._taken.add(self._plan.names.get(symbol, name))
        body: list[ast.stmt] = []
        for module in members:
            renamer = Renamer(self._tree, module, self)
            body += renamer.statements()
            self.hidden |= renamer.hidden
        return ast.unparse(ast.fix_missing_locations(ast.Module([*self._head(), *body], [])))

    def is_dropped(self, symbol: Symbol) -> bool:
        return self._plan.is_constant(symbol)

    def here(self, symbol: Symbol) -> str | None:
        if self._plan.is_constant(symbol):
            if symbol not in self._constants:
                self._constants[symbol] = self._free("_" + symbol.name.lstrip("_"), symbol.module)
            return self._constants[symbol]
        if self._plan.homes.get(symbol.module, symbol.module) != self._name or not symbol.name:
            return None
        return self._plan.names.get(symbol, symbol.name)

    def imported(self, symbol: Symbol, wanted: str) -> str:
        there = self.there(symbol)
        if there not in self._imports:
            self._imports[there] = self._free(wanted, there.module)
        return self._imports[there]

    def there(self, symbol: Symbol) -> Symbol:
        module = self._plan.homes.get(symbol.module, symbol.module)
        return Symbol(module, self._plan.names.get(symbol, symbol.name))

    def _free(self, name: str, module: str) -> str:
        if name in self._taken:
            name = f"{'_' if name.startswith('_') else ''}{module.rpartition('.')[2]}_{name.lstrip('_')}"
        self._taken.add(name)
        return name

    def _head(self) -> Iterator[ast.stmt]:
        """The imports, and the constants that MicroPython writes into the code."""
        for symbol, local in self._imports.items():
            parent, _, leaf = symbol.module.rpartition(".")
            if symbol.name:
                yield ast.ImportFrom(symbol.module, [ast.alias(symbol.name, local if local != symbol.name else None)], 0)
            elif parent and symbol.module in self._tree.modules:
                yield ast.ImportFrom(parent, [ast.alias(leaf, local if local != leaf else None)], 0)
            else:
                yield ast.Import([ast.alias(symbol.module, local if local != symbol.module else None)])
        constants = [*self._constants.items()]
        if constants and Symbol("micropython", "const") not in self._imports:
            yield ast.ImportFrom("micropython", [ast.alias("const")], 0)
        for symbol, name in constants:
            value = ast.Constant(self._tree.constant(symbol))
            yield ast.Assign([ast.Name(name, ast.Store())], ast.Call(ast.Name("const", ast.Load()), [value], []))
