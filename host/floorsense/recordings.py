"""Recordings of a quantity: a person's file in, the form that a simulated board plays out.

Read are

- CSV with a header: the quantity's column by name, and a time column (ISO 8601 or seconds) where there is one;
  separated by commas, tabs, or semicolons (then a comma is the decimal point);
- CSV without one: a number a line;
- JSON: an array of numbers and nulls.

Holes (empty cells, NaN, null, rows that the time column shows to be missing) are bridged by straight lines and counted,
so that nobody takes them for measurements without knowing.
"""

import contextlib
import csv
import io
import itertools
import json
import math
import statistics
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from floornode.contract import quantities
from floorsense.errors import UsageError

MAX_BYTES = 100_000_000
MAX_ROWS = 2_000_000  # 23 days at 1 Hz

# Names of columns in the units of the contract. A column in another unit is not to be found by accident.
_COLUMNS = {
    "temperature": ("temperature", "temp", "temp_c", "temperature_c", "air_temperature", "air_temperature_c"),
    "pressure": ("pressure", "pressure_hpa", "press_hpa", "pressure_mbar", "air_pressure_hpa"),
    "humidity": ("humidity", "humidity_pct", "humidity_percent", "relative_humidity", "rh", "rh_pct"),
    "vibration": ("vibration", "vibration_mm_s", "velocity_rms", "velocity_rms_mm_s"),
}
_TIMES = ("time", "timestamp", "datetime", "date_time", "date", "ts", "time_s", "seconds", "time_hour", "time_utc")
_HOURS = ("hour", "hours")
_HOLES = ("", "nan", "na", "n/a", "null", "none", "-")


@dataclass(frozen=True)
class Recording:
    """``values`` in the unit of ``quantity``, without holes; ``step_s`` seconds apart where the file tells the time.

    ``rows`` are those of the file, ``empty`` of them held no value; ``absent`` more were missing in ``gaps`` of the
    time column; ``longest`` is the longest run of rows that had to be bridged.
    """

    path: Path
    quantity: str
    values: list[float]
    step_s: float | None = None
    rows: int = 0
    empty: int = 0
    absent: int = 0
    gaps: int = 0
    longest: int = 0

    @property
    def holes(self) -> int:
        """How many of ``values`` were never measured."""
        return self.empty + self.absent

    def report(self) -> str | None:
        """One line about the holes; None where there are none."""
        parts = []
        if self.empty:
            parts.append(f"{self.empty} of {self.rows} values missing")
        if self.absent:
            parts.append(f"{_count(self.absent, 'row')} absent in {_count(self.gaps, 'gap')} of time")
        if not parts:
            return None
        return f"{self.quantity}: {' and '.join(parts)}, bridged linearly; longest {_count(self.longest, 'row')}"


def load(path: Path, quantity: str) -> Recording:
    """The recording of ``quantity`` in the file at ``path``. Raises UsageError: a line with file, place and remedy."""
    try:
        expected = quantities.quantity(quantity)
    except ValueError as fault:
        raise UsageError(f"recording {path}: {fault}") from None
    text = _read(path)
    is_json = path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{")
    rows = _json_rows(path, text) if is_json else _csv_rows(path, text, quantity)
    values: list[float | None] = []
    times: list[float] = []
    places: list[str] = []
    for place, time_s, value in rows:
        if value is not None and not expected.low <= value <= expected.high:
            raise UsageError(
                f"{path}, {place}: {value:g} is no {quantity} in {expected.unit} ({expected.low}..{expected.high}); "
                "convert the file to that unit, or leave the cell empty where nothing was measured"
            )
        if len(values) >= MAX_ROWS:
            raise UsageError(f"{path}, {place}: more than {MAX_ROWS} rows; cut the file, or keep every n-th row")
        values.append(value)
        places.append(place)
        if time_s is not None:
            times.append(time_s)
    rows_in_file, empty = len(values), values.count(None)
    if empty == rows_in_file:
        raise UsageError(f"{path}: no {quantity} in {_count(rows_in_file, 'row')}; choose a file that has some")
    step_s, gaps = None, 0
    if len(times) > 1:
        values, step_s, gaps = _spread(path, values, times, places)
    filled, longest = _bridge(values)
    return Recording(path, quantity, filled, step_s, rows_in_file, empty, len(filled) - rows_in_file, gaps, longest)


def write(recording: Recording, target: Path, scale: int) -> None:
    """Writes ``target`` for the `recording` signal of a simulated board: little-endian int32, values * ``scale``."""
    steps = [round(value * scale) for value in recording.values]
    target.write_bytes(struct.pack(f"<{len(steps)}i", *steps))


_Row = tuple[str, float | None, float | None]  # place in the file, time in seconds, value


def _read(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(f"{path}: {size // 1_000_000} MB, more than {MAX_BYTES // 1_000_000} MB; cut the file")
        data = path.read_bytes()
    except OSError as fault:
        raise UsageError(f"{path}: {fault.strerror or fault}; give the path of a CSV or JSON file") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise UsageError(f"{path}, line {line}: not UTF-8 (byte {data[fault.start]:#04x}); save it as UTF-8") from None


def _json_rows(path: Path, text: str) -> Iterator[_Row]:
    try:
        items = json.loads(text)
    except json.JSONDecodeError as fault:
        raise UsageError(f"{path}, line {fault.lineno}, column {fault.colno}: not JSON: {fault.msg}") from None
    except (RecursionError, ValueError):  # nested without end, or an integer of thousands of digits
        raise UsageError(f"{path}: not a plain array of numbers and nulls") from None
    if not isinstance(items, list):
        raise UsageError(f"{path}: wants an array of numbers and nulls, not an object")
    if not items:
        raise UsageError(f"{path}: the array is empty")
    for number, item in enumerate(items, 1):
        place = f"item {number}"
        if item is not None and (isinstance(item, bool) or not isinstance(item, int | float)):
            raise UsageError(f"{path}, {place}: {_shown(json.dumps(item))} is not a number; null is a missing value")
        yield place, None, None if item is None else _finite(path, place, item)


def _csv_rows(path: Path, text: str, quantity: str) -> Iterator[_Row]:
    first_line = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
    delimiter = next((mark for mark in (";", "\t", ",") if mark in first_line), ",")
    rows = _lines(path, text, delimiter)
    place, first = next(rows, ("", []))
    if not first:
        raise UsageError(f"{path}: is empty; a recording has one row a value")
    if any(cell.strip()[:1].isalpha() and not _is_hole(cell) for cell in first):
        column = _column(path, place, first, quantity)
        clock, unit_s = _clock(first)
    elif len(first) == 1:
        column, clock, unit_s = 0, None, 1
        rows = itertools.chain([(place, first)], rows)
    else:
        raise UsageError(f"{path}, {place}: {len(first)} columns without a header; name them in the first line")
    for place, cells in rows:
        if len(cells) <= max(column, clock or 0):
            raise UsageError(f"{path}, {place}: {len(cells)} of {len(first)} columns; mend the line, or take it out")
        time_s = None if clock is None else _time(path, place, cells[clock], unit_s, delimiter)
        yield place, time_s, _number(path, place, cells[column], delimiter)


def _lines(path: Path, text: str, delimiter: str) -> Iterator[tuple[str, list[str]]]:
    """Where each row is, and its cells. Blank rows are left out, and comments, which ``#`` begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            raise UsageError(f"{path}, line {reader.line_num}: not CSV: {fault}") from None
        if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
            yield f"line {reader.line_num}", cells


def _column(path: Path, place: str, header: list[str], quantity: str) -> int:
    names = [_plain(name) for name in header]
    for known in _COLUMNS.get(quantity, (quantity,)):
        if known in names:
            return names.index(known)
    there = ", ".join(_shown(name.strip()) for name in header[:20])
    raise UsageError(f"{path}, {place}: no column of {quantity}; there are {there}; name one '{quantity}'")


def _clock(header: list[str]) -> tuple[int | None, int]:
    """The time column, and how many seconds one is in it; None where there is none."""
    for at, name in enumerate(header):
        if _plain(name) in _TIMES:
            return at, 1
        if _plain(name) in _HOURS:
            return at, 3600
    return None, 1


def _plain(name: str) -> str:
    """``Temp (°C)`` and ``temp_C`` are one name: lower case, words joined by single underscores."""
    return "_".join("".join(c if c.isascii() and c.isalnum() else " " for c in name.lower()).split())


def _is_hole(cell: str) -> bool:
    return cell.strip().lower() in _HOLES


def _number(path: Path, place: str, cell: str, delimiter: str) -> float | None:
    if _is_hole(cell):
        return None
    try:
        value = float(cell.replace(",", ".") if delimiter == ";" else cell)
    except ValueError:
        raise UsageError(
            f"{path}, {place}: {_shown(cell)} is not a number; leave the cell empty where nothing was measured"
        ) from None
    return _finite(path, place, value)


def _finite(path: Path, place: str, value: float) -> float | None:
    """``value``, or None for NaN, which says that nothing was measured. Infinities say nothing: UsageError."""
    try:
        value = float(value)
    except OverflowError:
        value = math.inf
    if math.isinf(value):
        raise UsageError(f"{path}, {place}: infinite; leave the cell empty where nothing was measured")
    return None if math.isnan(value) else value


def _time(path: Path, place: str, cell: str, unit_s: int, delimiter: str) -> float:
    text = cell.strip()
    seconds = math.nan
    with contextlib.suppress(ValueError):
        seconds = float(text.replace(",", ".") if delimiter == ";" else text) * unit_s
    if math.isnan(seconds):
        with contextlib.suppress(ValueError, OverflowError):
            moment = datetime.fromisoformat(text)
            # Without a zone it is taken for UTC: only differences matter.
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(seconds):
        raise UsageError(f"{path}, {place}: {_shown(cell)} is neither ISO 8601 nor seconds; mend the time of that row")
    return seconds


def _spread(
    path: Path, values: list[float | None], times: list[float], places: list[str]
) -> tuple[list[float | None], float, int]:
    """``values`` with None for each row that a jump of the time leaves out, the step in seconds, and how many jumps."""
    steps = [after - before for before, after in itertools.pairwise(times)]
    for at, step in enumerate(steps, 1):
        if step <= 0:
            raise UsageError(f"{path}, {places[at]}: the time does not grow; sort the rows, and keep one of each time")
    usual = statistics.median(steps)
    absent = [round(step / usual) - 1 for step in steps]
    if len(values) + sum(gap for gap in absent if gap > 0) > MAX_ROWS:
        worst = max(range(len(absent)), key=absent.__getitem__)
        raise UsageError(
            f"{path}, {places[worst + 1]}: {absent[worst]} rows of {usual:g} s are absent before it; "
            "split the file there, or drop its time column"
        )
    spread: list[float | None] = values[:1]
    for value, gap in zip(values[1:], absent, strict=True):
        spread.extend([None] * max(gap, 0))
        spread.append(value)
    return spread, usual, sum(gap > 0 for gap in absent)


def _bridge(values: list[float | None]) -> tuple[list[float], int]:
    """``values`` with straight lines across the holes, and the longest hole. A hole at an end repeats its neighbour."""
    filled: list[float] = []
    longest = hole = 0
    for value in values:
        if value is None:
            hole += 1
            continue
        before = filled[-1] if filled else value
        filled.extend(before + (value - before) * at / (hole + 1) for at in range(1, hole + 1))
        filled.append(value)
        longest, hole = max(longest, hole), 0
    filled.extend([filled[-1]] * hole)
    return filled, max(longest, hole)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _shown(text: str) -> str:
    """``text`` quoted, short enough for one line."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
