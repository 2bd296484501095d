"""Python's scopes, as far as renaming what a module defines needs them: which names a function or a class has for itself."""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def own_names(scope: ast.AST) -> set[str]:
    """The names that a function, a class or a comprehension binds in itself."""
    found: set[str] = set()
    elsewhere: set[str] = set()
    if isinstance(scope, Function):
        every = scope.args
        arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
        found.update(one.arg for one in arguments if one is not None)
    for node in within(scope):
        if isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        else:
            found.update(bound(node))
    return found - elsewhere


def bound(node: ast.AST) -> Iterator[str]:
    """The names that one node, its children aside, binds in the scope that it stands in."""
    if isinstance(node, ast.Name):
        if not isinstance(node.ctx, ast.Load):
            yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            yield alias.asname or alias.name.partition(".")[0]
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def defined(statement: ast.stmt) -> list[str]:
    """The names that a statement binds, whatever happens: those of a definition, or of an assignment to names."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def within(scope: ast.AST) -> Iterator[ast.AST]:
    """Every node that stands in ``scope`` itself, and not in a function, a class or a comprehension within it."""
    waiting: list[ast.AST] = list(inside(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Function | ast.ClassDef | Comprehension):
            waiting += outside(node)
        else:
            waiting += ast.iter_child_nodes(node)


def inside(scope: ast.AST) -> list[ast.AST]:
    """The children of a scope that are evaluated in it."""
    if isinstance(scope, ast.Lambda):
        return [scope.body]
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return list(scope.body)
    return list(ast.iter_child_nodes(scope))


def outside(scope: ast.AST) -> list[ast.AST]:
    """The children of a scope that are evaluated where it stands: defaults, decorators, bases; a comprehension's are not told
    apart, for MicroPython and CPython agree on all but names that nobody should use twice."""
    if isinstance(scope, ast.ClassDef):
        return [*scope.decorator_list, *scope.bases, *scope.keywords]
    if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef):
        return [*scope.decorator_list, *scope.args.defaults, *(one for one in scope.args.kw_defaults if one is not None)]
    if isinstance(scope, ast.Lambda):
        return [*scope.args.defaults, *(one for one in scope.args.kw_defaults if one is not None)]
    return []
