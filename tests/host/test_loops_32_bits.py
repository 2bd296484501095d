"""The signal arithmetic on a board's integers: viper has 32 bits, whose overflow a 64-bit machine never shows, and a small
integer there has 30 and a sign; what is larger touches the heap.

The loops are run from their own text, in which each sum, product and shift is looked at; what is around them by its locals.
"""

import ast
import sys
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st

from floornode import broadband, slow, vibration
from floornode.broadband import Broadband
from floornode.dsp import bearing, extent, fft, loops, scaled, spectrum, stream
from floornode.slow import Slow
from floornode.vibration import Features
from floorsense.paths import FIRMWARE

LOOPS = ("sums", "butterfly", "bins", "flow")
FLOORNODE = FIRMWARE / "floornode"
AROUND = {module.__file__ for module in (vibration, broadband, slow, bearing, extent, fft, scaled, spectrum, stream)}
SMALL = 1 << 30
# A filter whose integrators wrap, as the mathematics of it wants: what leaves it is looked at, not what goes round.
WRAPS = {"cic"}


def checked(value: int, where: str) -> int:
    assert -(1 << 31) <= value < 1 << 31, f"{where}: {value} needs more than 32 bits"
    return value


class _Looking(ast.NodeTransformer):
    """Puts ``checked`` around each sum, difference, product and shift to the left."""

    def __init__(self, name: str) -> None:
        self._name = name

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = []
        return node if node.name in WRAPS else self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, (ast.Add, ast.Sub, ast.Mult, ast.LShift)):
            return node
        where = ast.Constant(f"{self._name}, line {node.lineno}")
        return ast.Call(ast.Name("checked", ast.Load()), [node, where], [])

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        # x += y as x = x + y. `s <<= 31` is the sign's bit itself, and `found` of a sum wraps nowhere.
        if isinstance(node.target, ast.Name) and node.target.id == "s":
            return node
        loaded = ast.Name(node.target.id, ast.Load()) if isinstance(node.target, ast.Name) else node.target
        return self.generic_visit(
            ast.copy_location(ast.Assign([node.target], _at(ast.BinOp(loaded, node.op, node.value), node)), node)
        )


def _at(new: ast.BinOp, old: ast.AST) -> ast.BinOp:
    ast.copy_location(new, old)
    return new


def looked_at(name: str) -> dict[str, Callable[..., Any]]:
    """The loops of one module, each operation of them checked."""
    source = (FLOORNODE / "dsp" / "loops" / f"{name}.py").read_text(encoding="utf-8")
    tree = ast.fix_missing_locations(_Looking(name).visit(ast.parse(source)))
    names: dict[str, Any] = {
        "__name__": f"floornode.dsp.loops.{name}",
        "__package__": "floornode.dsp.loops",
        "checked": checked,
    }
    exec(compile(tree, f"{name} (looked at)", "exec"), names)
    return {key: value for key, value in names.items() if callable(value) and key not in ("checked", "micropython")}


CHECKED = {name: looked_at(name) for name in LOOPS}


@contextmanager
def on_a_board(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within, the loops overflow as a board's do, and nobody around them has an integer that is not small."""
    with monkeypatch.context() as patch:
        for name in LOOPS:
            for key, value in CHECKED[name].items():
                patch.setattr(loops.load(name), key, value)

        def lines(frame: FrameType, event: str, result: Any) -> Any:
            for key, value in frame.f_locals.items():
                if isinstance(value, int):
                    assert -SMALL <= value < SMALL, f"{frame.f_code.co_filename}, line {frame.f_lineno}: {key} is {value}"
            if event == "return" and isinstance(result, int):
                assert -SMALL <= result < SMALL, f"{frame.f_code.co_filename}: {frame.f_code.co_name} returns {result}"
            return lines

        def calls(frame: FrameType, _event: str, _argument: Any) -> Any:
            return lines if frame.f_code.co_filename in AROUND else None

        before = sys.gettrace()
        sys.settrace(calls)
        try:
            yield
        finally:
            sys.settrace(before)


def square(half: int, low: int, high: int, count: int) -> list[int]:
    return [high if at // half & 1 == 0 else low for at in range(count)]


def of(values: list[int]) -> "array[int]":
    return array("H", [value & 0xFFFF for value in values])


def features(window: "array[int]", size: int, ng: int) -> Features:
    found = Features(ng, size)
    found.begin(window, 3_200_000)
    while not found.step():
        pass
    return found


# What saturates, what is nothing, what is all high or all low, and whatever else there may be.
WINDOWS = st.one_of(
    st.builds(lambda half: square(half, -32768, 32767, 256), st.sampled_from([1, 2, 3, 16, 128, 256])),
    st.builds(lambda low, high: square(8, low, high, 256), st.integers(-32768, 32767), st.integers(-32768, 32767)),
    st.lists(st.integers(-32768, 32767), min_size=256, max_size=256),
    st.lists(st.sampled_from([-32768, 32767]), min_size=256, max_size=256),
)


@given(WINDOWS, st.sampled_from([61000, 488000, 3906250]))
@profile(derandomize=True, deadline=None, max_examples=40)
def test_whatever_16_bits_hold_a_window_fits_a_boards_integers(values: list[int], ng: int) -> None:
    with pytest.MonkeyPatch.context() as patch, on_a_board(patch):
        found = features(of(values), 256, ng)
    assert all(0 <= number < 1 << 30 for number in found.numbers(3_200_000))


@pytest.mark.parametrize("half", [1, 4, 64, 2048])
def test_a_saturated_window_of_4096_does_too(half: int, monkeypatch: pytest.MonkeyPatch) -> None:
    with on_a_board(monkeypatch):
        found = features(of(square(half, -32768, 32767, 4096)), 4096, 488000)
    assert found.rms > 159000


@pytest.mark.parametrize("half", [4, 500])
def test_a_saturated_stream_of_an_IIS3DWB_does_too(half: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Broadband(488000, bearing.orders(9, 7940, 39040), 29950, 128)
    piece = of(square(half, -32768, 32767, 2 * 500 * 128))
    # The first and the last of it looked at, the long middle as it is.
    with on_a_board(monkeypatch):
        for at in range(0, 10 * 128, 128):
            found.take(piece[at : at + 128], 128)
    while found.count < found.length - 256:
        at = found.count % len(piece)
        found.take(piece[at : at + 128], 128)
    with on_a_board(monkeypatch):
        while found.count < found.length:
            found.take(piece[:128], 128)
        found.conclude(26_667_000)
        while not found.step():
            pass
    assert found.is_clipped
    assert all(0 <= number < 1 << 30 for number in found.numbers(26_667_000))


def test_a_slow_machines_saturated_window_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Features(3906250, 256)
    longer = Slow(2, 3_200_000, found.spectrum)
    found.extend(longer)
    longer.reset()
    window = of(square(40, -32768, 32767, longer.length))
    with on_a_board(monkeypatch):
        longer.take(window, 0, len(window))
        found.begin(window, 3_200_000)
        while not found.step():
            pass
    assert found.velocity > 0


def test_what_does_not_fit_is_found() -> None:
    tree = ast.parse("def f(a: int):\n    a *= a\n    return (a << 3) >> 3\n")
    names: dict[str, Any] = {"checked": checked}
    exec(compile(ast.fix_missing_locations(_Looking("f").visit(tree)), "f", "exec"), names)
    assert names["f"](10000) == 100000000
    for much in (20000, 50000):
        with pytest.raises(AssertionError, match=r"f, line [23]: \d+ needs more than 32 bits"):
            names["f"](much)
