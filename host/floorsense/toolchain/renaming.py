"""The statements of a module, with other names for what is meant: by scope, so that a local name stays what it is."""

import ast
from typing import Protocol

from floorsense.toolchain.modules import Module, Symbol, Tree, imports
from floorsense.toolchain.scopes import Comprehension, own_names, within


class Names(Protocol):
    """How what is meant is written in the module that the statements go to."""

    def here(self, symbol: Symbol) -> str | None:
        """The name of what that module defines itself, or None."""

    def imported(self, symbol: Symbol, wanted: str) -> str:
        """The name of what it imports at its top level: ``wanted``, if that is free."""

    def there(self, symbol: Symbol) -> Symbol:
        """The same by the module that has it now, and its name there."""

    def is_dropped(self, symbol: Symbol) -> bool:
        """Whether its definition is left out."""


class _Scope:
    """``names``: a function's, class's or comprehension's own; ``imported``: what those stand for that only an import binds."""

    def __init__(self, node: ast.AST, package: str) -> None:
        self.is_class = isinstance(node, ast.ClassDef)
        self.names = own_names(node)
        self.imported: dict[str, Symbol] = {}
        stored: set[str] = set()
        for one in within(node):
            if isinstance(one, ast.Import | ast.ImportFrom):
                self.imported.update(imports(one, package))
            elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
                stored.add(one.id)
        for name in stored:
            self.imported.pop(name, None)


class Renamer(ast.NodeTransformer):
    """Rewrites the statements of one module, in place.

    ``hidden``: what could not be called by its name, since a function on the way has that name for something of its own.
    """

    def __init__(self, tree: Tree, module: Module, names: Names) -> None:
        self.hidden: set[Symbol] = set()
        self._tree = tree
        self._module = module
        self._names = names
        self._scopes: list[_Scope] = []

    def statements(self) -> list[ast.stmt]:
        """All of the module but its imports, its texts, and what is dropped."""
        found: list[ast.stmt] = []
        for statement in self._module.tree.body:
            if isinstance(statement, ast.Import | ast.ImportFrom) or _is_text(statement) or self._is_dropped(statement):
                continue
            found.append(self.visit(statement))
        return found

    def visit_Name(self, node: ast.Name) -> ast.expr:
        symbol, is_local = self._symbol(node)
        if symbol is None:
            return node
        name = self._names.here(symbol)
        if name is None and node.id in self._module.imported and not is_local:
            name = self._names.imported(symbol, node.id)
        return node if name is None else self._named(symbol, name, node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        symbol, _ = self._symbol(node)
        if symbol is not None:
            name = self._names.here(symbol)
            if name is not None:
                return self._named(symbol, name, node)
            node.attr = self._names.there(symbol).name or node.attr
        node.value = self.visit(node.value)
        return node

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [self._names.here(Symbol(self._module.name, name)) or name for name in node.names]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        """One within a function, or that is tried: from where it is now, or not at all."""
        found: list[ast.stmt] = []
        for local, symbol in imports(node, self._module.package).items():
            meant = self._tree.meant(symbol)
            here = self._names.here(meant)
            is_kept = self._scopes and local in self._scopes[-1].imported
            if not self._scopes:
                local = self._names.here(Symbol(self._module.name, local)) or local
            if here is not None:
                if not is_kept:
                    found.append(ast.Assign([ast.Name(local, ast.Store())], ast.Name(here, ast.Load())))
                continue
            there = self._names.there(meant)
            module, name = (there.module, there.name) if there.name else there.module.rpartition(".")[::2]
            found.append(ast.ImportFrom(module, [ast.alias(name, None if name == local else local)], 0))
        return found

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.bases = [self.visit(one) for one in node.bases]
        self._define(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._visit_defaults(node.args)
        self._define(node)
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        self._visit_defaults(node.args)
        self._scopes.append(_Scope(node, self._module.package))
        node.body = self.visit(node.body)
        self._scopes.pop()
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if not isinstance(node, Comprehension):
            return super().generic_visit(node)
        self._scopes.append(_Scope(node, self._module.package))
        super().generic_visit(node)
        self._scopes.pop()
        return node

    def _define(self, node: ast.ClassDef | ast.FunctionDef) -> None:
        node.decorator_list = [self.visit(one) for one in node.decorator_list]
        if not self._scopes:
            node.name = self._names.here(Symbol(self._module.name, node.name)) or node.name
        self._scopes.append(_Scope(node, self._module.package))
        body: list[ast.stmt] = []
        for statement in node.body:
            if not _is_text(statement):
                changed = self.visit(statement)
                body += changed if isinstance(changed, list) else [changed]
        node.body = body or [ast.Pass()]
        self._scopes.pop()

    def _is_dropped(self, statement: ast.stmt) -> bool:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)]):
                return self._names.is_dropped(Symbol(self._module.name, name))
        return False

    def _visit_defaults(self, arguments: ast.arguments) -> None:
        arguments.defaults = [self.visit(one) for one in arguments.defaults]
        arguments.kw_defaults = [None if one is None else self.visit(one) for one in arguments.kw_defaults]

    def _named(self, symbol: Symbol, name: str, node: ast.Name | ast.Attribute) -> ast.Name:
        is_same = isinstance(node, ast.Name) and node.id == name
        if not is_same and any(name in scope.names - set(scope.imported) for scope in self._scopes if not scope.is_class):
            self.hidden.add(symbol)
        return ast.Name(name, node.ctx)

    def _symbol(self, node: ast.expr) -> tuple[Symbol | None, bool]:
        """What a name, or a name in a module, stands for, and whether by an import within a function. None for what is a local
        name, an attribute of some object, or a builtin."""
        if isinstance(node, ast.Attribute):
            inner, is_local = self._symbol(node.value)
            if inner is None or inner.name or inner.module not in self._tree.modules:
                return None, False
            return self._tree.meant(Symbol(inner.module, node.attr)), is_local
        if not isinstance(node, ast.Name):
            return None, False
        for depth, scope in enumerate(reversed(self._scopes)):
            # What a class defines is not in the scope of its methods.
            if node.id in scope.names and not (scope.is_class and depth):
                symbol = scope.imported.get(node.id)
                return (self._tree.meant(symbol), True) if symbol is not None else (None, False)
        if node.id not in self._module.names:
            return None, False
        return self._tree.meant(self._module.imported.get(node.id, Symbol(self._module.name, node.id))), False


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
