"""A person's recording, read for the simulated boards."""

import os
import struct
import sys
from pathlib import Path

import pytest

from floorsense import recordings
from floorsense.errors import UsageError

SHIPPED = Path(__file__).parents[2] / "boards" / "SIMULATED" / "recordings" / "jfk_2013_hourly.csv"


@pytest.fixture
def recorded(tmp_path):
    """Writes text (or bytes) to a file and loads ``quantity`` from it."""

    def load(content, quantity="temperature", name="file.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return recordings.load(path, quantity)

    return load


@pytest.fixture
def refused(recorded):
    """The one line that says why ``content`` is refused."""

    def load(content, *args, **more):
        with pytest.raises(UsageError) as caught:
            recorded(content, *args, **more)
        line = str(caught.value)
        assert "\n" not in line
        assert len(line) < 400
        return line.split("/")[-1]  # from the file's name on

    return load


@pytest.mark.parametrize("header", ["temperature", "temp_C", "Temperature (°C)", "TEMP [C]", " temp_c ", "Air Temperature"])
def test_a_column_is_found_by_the_names_people_give_it(recorded, header):
    assert recorded(f"station,{header},rest\n7,21.5,1\n7,22,2\n").values == [21.5, 22]


def test_each_quantity_has_its_own_column(recorded):
    text = "time,temp_C,pressure_hPa,humidity_pct\n0,20,1000,50\n1,21,1001,51\n"
    assert recorded(text, "pressure").values == [1000, 1001]
    assert recorded(text, "humidity").values == [50, 51]


def test_a_column_in_another_unit_is_not_taken(refused):
    assert refused("time,temp_F\n0,70\n") == "file.csv, line 1: no column of temperature; there are 'time', 'temp_F'; " + (
        "name one 'temperature'"
    )


@pytest.mark.parametrize("text", ["20\n21.5\n-3e0\n", "20\r\n21.5\r\n-3\r\n", "\ufeff20\n\n# spring\n21.5\n-3"])
def test_a_number_a_line_needs_no_header(recorded, text):
    recording = recorded(text)
    assert recording.values == [20, 21.5, -3]
    assert recording.step_s is None
    assert recording.report() is None


def test_semicolons_bring_decimal_commas(recorded):
    assert recorded("time;temperature\n0;21,5\n0,5;22,25\n").values == [21.5, 22.25]


def test_tabs_separate_too(recorded):
    assert recorded("time\ttemperature\n0\t21.5\n1\t22\n").values == [21.5, 22]


def test_json_is_an_array_of_numbers_and_nulls(recorded):
    recording = recorded("[20, null, 22.5, NaN, 20.5]", name="file.json")
    assert recording.values == [20, 21.25, 22.5, 21.5, 20.5]
    assert recording.report() == "temperature: 2 of 5 values missing, bridged linearly; longest 1 row"


@pytest.mark.parametrize("hole", ["", " ", "NaN", "nan", "NA", "null", "-"])
def test_holes_are_bridged_and_counted(recorded, hole):
    recording = recorded(f"time,temperature\n0,20\n1,{hole}\n2,{hole}\n3,26\n4,{hole}\n5,27\n")
    assert recording.values == [20, 22, 24, 26, 26.5, 27]
    assert (recording.empty, recording.holes, recording.longest) == (3, 3, 2)
    assert recording.report() == "temperature: 3 of 6 values missing, bridged linearly; longest 2 rows"


def test_holes_at_the_ends_repeat_their_neighbour(recorded):
    assert recorded("[null, null, 20, 21, null]", name="file.json").values == [20, 20, 20, 21, 21]


@pytest.mark.parametrize(
    ("times", "step_s"),
    [
        (("0", "10", "20", "50"), 10),
        (("2013-01-01T06:00:00Z", "2013-01-01T07:00:00Z", "2013-01-01T08:00:00Z", "2013-01-01T11:00:00Z"), 3600),
        (("2024-02-29 23:59:58", "2024-02-29 23:59:59", "2024-03-01 00:00:00", "2024-03-01 00:00:03"), 1),
        (("1e9", "1000000001.1", "1000000002.0", "1000000004.9"), 1),  # a logger's jitter is no gap
    ],
)
def test_rows_missing_in_time_are_bridged_and_counted(recorded, times, step_s):
    text = "".join(f"{moment},{value}\n" for moment, value in zip(times, (20, 21, 22, 25), strict=True))
    recording = recorded("timestamp,temperature\n" + text)
    assert recording.values == [20, 21, 22, 23, 24, 25]
    assert recording.step_s == pytest.approx(step_s, rel=0.11)
    assert (recording.rows, recording.empty, recording.absent, recording.gaps) == (4, 0, 2, 1)
    assert recording.report() == "temperature: 2 rows absent in 1 gap of time, bridged linearly; longest 2 rows"


def test_a_column_of_hours_is_one_of_time(recorded):
    recording = recorded("hour,temperature\n0,20\n1,21\n2,22\n")
    assert recording.step_s == 3600


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "file.csv: is empty; a recording has one row a value"),
        ("\n\n", "file.csv: is empty; a recording has one row a value"),
        ("temperature\n", "file.csv: no temperature in 0 rows; choose a file that has some"),
        ("temperature,x\nnan,1\n", "file.csv: no temperature in 1 row; choose a file that has some"),
        ("20\nwarm\n", "file.csv, line 2: 'warm' is not a number; leave the cell empty where nothing was measured"),
        (
            "temperature\n20\n\n2o\n",
            "file.csv, line 4: '2o' is not a number; leave the cell empty where nothing was measured",
        ),
        ("20\ninf\n", "file.csv, line 2: infinite; leave the cell empty where nothing was measured"),
        ("1,2\n", "file.csv, line 1: 2 columns without a header; name them in the first line"),
        ("time,temperature\n0,20\n1\n", "file.csv, line 3: 1 of 2 columns; mend the line, or take it out"),
        (
            "time,temperature\nnoon,20\n",
            "file.csv, line 2: 'noon' is neither ISO 8601 nor seconds; mend the time of that row",
        ),
        (
            "time,temperature\n1,20\n1,20\n",
            "file.csv, line 3: the time does not grow; sort the rows, and keep one of each time",
        ),
        (
            "temperature\n20\n-9999\n",
            "file.csv, line 3: -9999 is no temperature in C (-60..250); convert the file to that unit, or leave the "
            "cell empty where nothing was measured",
        ),
    ],
)
def test_what_is_wrong_is_said_with_line_and_remedy(refused, text, line):
    assert refused(text) == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[20, 21", "line 1, column 8: not JSON"),
        ('{"values": [20]}', "wants an array of numbers and nulls, not an object"),
        ("[]", "the array is empty"),
        ('[20, "warm"]', "item 2: '\"warm\"' is not a number"),
        ("[20, true]", "item 2: 'true' is not a number"),
        ("[20, [21]]", "item 2: '[21]' is not a number"),
        ("[20, 1e999]", "item 2: infinite"),
        ("[20, " + "9" * 400 + "]", "item 2: infinite"),
        ("[20, " + "9" * 5000 + "]", "not a plain array"),
        ("[" * 100_000, "not a plain array"),
    ],
)
def test_json_that_is_no_recording_is_refused(refused, text, words):
    assert words in refused(text, name="file.json")


def test_a_file_that_is_not_utf_8_is_refused_with_its_line(refused):
    assert refused(b"temperature\n20\n2\xb0\n") == "file.csv, line 3: not UTF-8 (byte 0xb0); save it as UTF-8"


def test_binary_is_refused_in_one_line(refused):
    refused(bytes(range(128)) * 9)
    refused(b"\x00" * 999)
    refused(b'temperature\n"20\n' + b"21\n" * 100_000)


def test_a_pressure_in_pascal_is_refused(refused):
    assert "101325 is no pressure in hPa (300..1100)" in refused("pressure\n101325\n", "pressure")


def test_a_file_that_is_not_there_or_no_file_is_refused(tmp_path):
    for path in (tmp_path / "nowhere.csv", tmp_path):
        with pytest.raises(UsageError, match="give the path of a CSV or JSON file"):
            recordings.load(path, "temperature")


def test_an_unknown_quantity_is_refused_with_the_known_ones(refused):
    assert "unknown quantity 'warmth'; known are temperature, pressure" in refused("20\n", "warmth")


def test_more_rows_than_the_limit_are_refused(refused, monkeypatch):
    monkeypatch.setattr(recordings, "MAX_ROWS", 100)
    assert "line 101: more than 100 rows; cut the file" in refused("20\n" * 101)
    assert "line 4: 997 rows of 1 s are absent before it" in refused("time,temperature\n0,20\n1,21\n999,22\n1000,21\n1001,1\n")
    monkeypatch.setattr(recordings, "MAX_BYTES", 100)
    assert "cut the file" in refused("20\n" * 50)


def test_a_written_recording_is_what_the_simulated_board_plays(recorded, tmp_path, monkeypatch):
    recording = recorded("[20.004, -3.999, 21.5]", name="file.json")
    target = tmp_path / "temperature.i32"
    recordings.write(recording, target, 100)
    assert struct.unpack("<3i", target.read_bytes()) == (2000, -400, 2150)
    monkeypatch.syspath_prepend(str(SHIPPED.parents[1]))
    signals = __import__("signals")
    signal = signals.signal({"kind": "recording", "file": str(target), "scale": 100}, "temperature")
    assert [signal.at(ms) for ms in (0, 500, 1000, 2000)] == [20, 8, -4, 21.5]
    for name in [name for name in sys.modules if name.partition(".")[0] == "signals"]:
        del sys.modules[name]


def test_the_year_that_ships_can_be_played_for_each_quantity():
    reports = []
    for quantity in ("temperature", "pressure", "humidity"):
        recording = recordings.load(SHIPPED, quantity)
        assert len(recording.values) == 8730
        assert recording.step_s == 3600
        reports.append(recording.report())
    assert reports == [
        "temperature: 24 rows absent in 14 gaps of time, bridged linearly; longest 5 rows",
        "pressure: 831 of 8706 values missing and 24 rows absent in 14 gaps of time, bridged linearly; longest 9 rows",
        "humidity: 24 rows absent in 14 gaps of time, bridged linearly; longest 5 rows",
    ]
    assert SHIPPED.stat().st_size < 200_000


@pytest.mark.skipif("FLOORSENSE_DATA" not in os.environ, reason="FLOORSENSE_DATA does not name the shared data's folder")
@pytest.mark.parametrize("quantity", ["temperature", "pressure", "humidity"])
def test_the_year_that_ships_is_the_shared_one(quantity):
    source = recordings.load(Path(os.environ["FLOORSENSE_DATA"]) / "environment" / "nyc_jfk_2013_hourly.csv", quantity)
    shipped = recordings.load(SHIPPED, quantity)
    assert shipped.values == source.values
    assert (shipped.empty, shipped.absent, shipped.step_s) == (source.empty, source.absent, source.step_s)
