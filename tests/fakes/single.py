"""Floats as most boards have them: 24 bits. ``install`` makes the named packages compute with these, under CPython.

Each module is compiled with its float constants, its divisions and its calls of ``float`` turned into ``Single``, which rounds
after every operation as a board's processor does; a whole number that meets one is rounded first. So whatever a float
touches loses what it would lose on a board.
"""

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import struct
import sys


def rounded(value):
    try:
        return struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


class Single(float):
    def __new__(cls, value=0.0):
        return super().__new__(cls, rounded(float(value)))

    def __divmod__(self, other):
        return self // other, self % other


def _operation(name):
    plain = getattr(float, name)

    def operate(self, other):
        if not isinstance(other, (int, float)):
            return NotImplemented
        return Single(plain(self, rounded(float(other))))

    return operate


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    for _side in ("", "r"):
        _whole = "__%s%s__" % (_side, _name)
        setattr(Single, _whole, _operation(_whole))
Single.__neg__ = lambda self: Single(float.__neg__(self))
Single.__abs__ = lambda self: Single(float.__abs__(self))


def divided(one, other):
    return Single(one) / Single(other)


def raised(one, other):
    found = one**other
    return Single(found) if isinstance(found, float) else found


class _Rewriter(ast.NodeTransformer):
    def visit_Constant(self, node):
        return _call("Single", node) if isinstance(node.value, float) else node

    def visit_BinOp(self, node):
        self.generic_visit(node)
        name = {ast.Div: "divided", ast.Pow: "raised"}.get(type(node.op))
        return ast.copy_location(_call(name, node.left, node.right), node) if name else node

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if isinstance(node.op, ast.Div):
            value = ast.parse(ast.unparse(node.target), mode="eval").body
            return ast.copy_location(ast.Assign([node.target], _call("divided", value, node.value)), node)
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "float":
            node.func.id = "Single"
        return node


def _call(name, *arguments):
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])


class _Loader(importlib.machinery.SourceFileLoader):
    def source_to_code(self, data, path, *, _optimize=-1):
        tree = ast.fix_missing_locations(_Rewriter().visit(ast.parse(data)))
        return compile(tree, path, "exec", dont_inherit=True)

    def get_code(self, name):
        # Never from a cache that knows no Single, nor into it.
        return self.source_to_code(self.get_data(self.path), self.path)

    def exec_module(self, module):
        module.__dict__.update(Single=Single, divided=divided, raised=raised)
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, packages):
        self._packages = packages

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in self._packages:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.origin and spec.origin.endswith(".py"):
            spec.loader = _Loader(name, spec.origin)
        return spec


def install(*packages):
    """From now on these packages are imported with single floats."""
    sys.meta_path.insert(0, _Finder(packages))
