"""What the documents for people say, against the code."""

import binascii
import json
import re
import zlib
from pathlib import Path

import pytest

from floornode import settings
from floornode.contract import capture, captured, command, decoding, health, payload, status, topics
from floornode.contract.quantities import QUANTITIES, quantity
from floornode.contract.reading import QUALITIES
from floornode.sensors import DRIVERS
from floorsense import boards
from floorsense.bench.faults import KINDS, form
from floorsense.provisioning.station_file import BROKER_VARIABLE, WIFI_VARIABLE, StationFile
from floorsense.schemas.settings import rows

DOCS = Path(__file__).parents[2] / "docs"
CONTRACT = (DOCS / "contract.md").read_text(encoding="utf-8")
SETTINGS = (DOCS / "settings.md").read_text(encoding="utf-8")
TIME_AND_HEALTH = (DOCS / "time-and-health.md").read_text(encoding="utf-8")
CHECK = (DOCS / "check.md").read_text(encoding="utf-8")
PROVISIONING = (DOCS / "provisioning.md").read_text(encoding="utf-8")
FLASHING = (DOCS / "flashing.md").read_text(encoding="utf-8")
README = (DOCS.parent / "README.md").read_text(encoding="utf-8")
CHECKER = DOCS.parent / "host" / "floorsense" / "check"
EXAMPLES = re.findall(r"^    (\S+/\S+/\S+/\S+) (\{.*\})$", CONTRACT, re.MULTILINE)


def table(text: str, width: int) -> list[list[str]]:
    """The cells of all table rows of that width, their heads and rules left out."""
    found = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line.startswith("|")]
    return [row for row in found if len(row) == width and row[0].startswith("`")]


def test_the_contract_shows_examples() -> None:
    assert len(EXAMPLES) == 16


@pytest.mark.parametrize(("topic", "message"), EXAMPLES)
def test_every_example_is_what_the_firmware_writes(topic: str, message: str) -> None:
    fields = json.loads(message)
    leaf = topics.split(topic)[3]
    if leaf == topics.STATUS:
        assert decoding.decode_status(fields)
        assert written_status(fields) == message.encode()
    elif leaf == topics.HEALTH:
        assert health.encode(*health_values(decoding.decode_health(fields))) == message.encode()
    elif leaf == topics.COMMAND:
        assert command.encode(*command.decode(fields)) == message.encode()
    elif leaf == topics.CAPTURE:
        assert written_capture(captured.decode(fields)) == message.encode()
    elif "boot" in fields:
        assert payload.encode(decoding.decode_reading(fields, quantity(leaf))) == message.encode()
    else:
        assert decoding.decode_reading(fields, quantity(leaf)).boot is None


def written_capture(said: captured.Head | captured.Chunk | captured.Refusal) -> bytes:
    if isinstance(said, captured.Refusal):
        return capture.refusal(said.id, said.why)
    if isinstance(said, captured.Chunk):
        data = binascii.a2b_base64(said.text)
        assert zlib.crc32(data) == said.crc
        return capture.chunk(said.id, said.number, said.crc, said.text.encode())
    window = (said.samples, round(said.rate * 1000), round(said.scale * 1e9))
    reading = (said.boot, said.seq, round(said.ts * 1000), said.flags)
    return capture.head(said.id, said.name, reading, said.sensor, window, said.crc)


def written_status(fields: dict) -> bytes:
    ts = None if fields.get("ts") is None else round(fields["ts"] * 1000)
    if fields["status"] == status.LOST:
        return status.will(fields["boot"])
    if fields["status"] == status.STOPPED:
        return status.last_word(fields["boot"], ts)
    series = [
        (quantity(name), one["sensor"], round(one["period"] * 1000), one["qos"]) for name, one in fields["readings"].items()
    ]
    dropped = fields.get("dropped", {}).items()
    is_safe = fields["status"] == status.SAFE
    words = (fields.get("reset"), fields.get("settings", "given"), is_safe, fields.get("reason"), fields.get("crash"))
    return status.birth(fields["boot"], ts, fields["firmware"], fields["board"], series, dropped, (), *words)


def health_values(fields: dict) -> list:
    """Back to what the firmware gave: thousandths where the message has decimals."""
    milli = [name for name, kind, *_ in decoding.HEALTH if kind == decoding.NUMBER]
    return [round(value * 1000) if name in milli and value is not None else value for name, value in fields.items()]


def test_every_field_of_the_health_is_described_in_the_order_of_the_message() -> None:
    described = [[row[0].strip("`"), *row[1:]] for row in table(TIME_AND_HEALTH.partition("## Watchdog")[0], 3)]
    expected = [[name, unit or "", meaning] for name, _kind, unit, _may_be_null, meaning in decoding.HEALTH]
    assert described == expected


def test_the_contract_names_every_quantity_with_unit_steps_and_span() -> None:
    expected = [
        [f"`{kind.name}`", kind.unit, f"{1 / kind.scale:.{kind.decimals}f}", f"{kind.low} to {kind.high}"]
        for kind in QUANTITIES
    ]
    assert table(CONTRACT, 4) == expected


def test_the_contract_names_every_quality() -> None:
    assert [row[0].strip("`") for row in table(CONTRACT, 2)] == [name for _bit, name in QUALITIES]


def test_the_contract_names_every_feature() -> None:
    for kind in QUANTITIES:
        for name, _unit, _decimals in kind.features:
            assert f"`{name}`" in CONTRACT


def test_every_setting_is_described_with_its_rule_and_default() -> None:
    described = [(row[0].strip("`"), row[1], row[2]) for row in table(SETTINGS, 4)]
    assert described == rows()
    assert all(row[3] for row in table(SETTINGS, 4))


def test_every_driver_is_named() -> None:
    row = next(row for row in table(SETTINGS, 4) if row[0] == "`sensors[].driver`")
    assert set(re.findall(r"`(\w+)`", row[3])) == set(DRIVERS)


def test_the_example_of_the_settings_is_accepted() -> None:
    example = re.search(r"```json\n(.*?)```", SETTINGS, re.DOTALL)
    assert example
    settings.parse(json.loads(example[1]))


def fault_lines() -> list[str]:
    return [row[0].strip("`") for row in table(SETTINGS, 2)]


def test_the_lines_of_a_faulty_file_are_quoted_as_they_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = []

    def load(content: bytes | None) -> None:
        if content is not None:
            Path("settings.json").write_bytes(content)
        with pytest.raises(settings.SettingsError) as error:
            settings.load("settings.json")
        said.extend(error.value.faults)

    load(None)
    load(b'{\n\n\n\n\n\n"site": }')
    load(b"\xff")
    load(b" " * 20000)
    example = json.loads(re.search(r"```json\n(.*?)```", SETTINGS, re.DOTALL)[1])  # type: ignore[index]
    del example["broker"]["host"]
    example["broker"].update(prot=1, port="1883")
    example["sensors"][0]["bus"] = "i2c1"
    load(json.dumps(example).encode())
    for line in fault_lines():
        pattern = re.escape(line).replace(r"\.\.\.", ".*")
        assert [fault for fault in said if re.fullmatch(pattern, fault)], line


def test_every_kind_of_finding_is_described() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in CHECKER.glob("*.py"))
    kinds = set(re.findall(r'(?:\.add|\._add|Finding)\(\s*"([\w-]+)"', code)) | {"schema", "unit"}
    described = {row[0].strip("`") for row in table(CHECK, 3)}
    assert len(kinds) > 15
    assert kinds == described


def test_every_fault_of_the_bench_is_described_with_its_form() -> None:
    described = {row[0].strip("`"): row[1] for row in table((DOCS / "bench.md").read_text(encoding="utf-8"), 3)}
    assert described == {form(name): kind.acts_on for name, kind in KINDS.items()}


def test_the_wiring_is_that_of_the_board_folders_and_uses_no_pin_twice_nor_one_that_is_taken() -> None:
    rows = [row for row in table_of_wires() if any(cell.removeprefix("GP").isdigit() for cell in row[2:])]
    for column, (name, spi) in enumerate((("RPI_PICO_W", 0), ("ESP32_GENERIC", 1)), start=2):
        pins = boards.load(name).pins
        wires = {(row[0].partition(",")[0], row[1].partition(",")[0]): int(row[column].removeprefix("GP")) for row in rows}
        i2c, bus = pins.i2c[0], next(one for one in pins.spi if one["id"] == spi)
        assert (wires["BME280", "SCL (SCK)"], wires["BME280", "SDA (SDI)"]) == (i2c["scl"], i2c["sda"])
        chip = [wires["ADXL345", pin] for pin in ("SCL", "SDA", "SDO")]
        assert chip == [bus["sck"], bus["mosi"], bus["miso"]]
        assert len(set(wires.values())) == len(wires) == 7
        assert not set(wires.values()) & {*pins.reserved, *pins.input_only}


def test_the_diagrams_of_the_wiring_say_what_the_table_says() -> None:
    wiring = PROVISIONING.partition("## Wiring")[2].partition("\n## ")[0]
    drawn = set(re.findall(r"GP(\d+) +\((\d+)\) -+\+?-+ (\w+) -+\+?-+ (\d+)", wiring))
    # Header pins: Raspberry Pi Pico W datasheet, section 2.1.
    headers = {"4": "6", "5": "7", "16": "21", "17": "22", "18": "24", "19": "25", "22": "29"}
    tabled = {(row[2].removeprefix("GP"), row[1].split()[0].rstrip(","), row[3]) for row in table_of_wires() if "GP" in row[2]}
    assert {(pin, name, other) for pin, _header, name, other in drawn} == tabled
    assert all(headers[pin] == header for pin, header, *_ in drawn)
    readme = set(re.findall(r"GP(\d+) +\((\d+)\) -+ (\w+) -+ (\d+)", README))
    assert len(readme) == 2 and readme < drawn


def test_flashing_says_of_each_board_what_its_folder_says() -> None:
    told = [[cell.strip("`") for cell in row] for row in table(FLASHING, 6)]
    real = [board for board in boards.all_boards() if board.flashing.method != "none"]
    expected = [
        [
            board.name,
            board.chip,
            "by the file" if board.flashing.offset is None else f"0x{board.flashing.offset:X}",
            "" if board.flashing.family is None else f"0x{board.flashing.family:X}",
            board.flashing.volume or "",
            board.flashing.boot_mode,
        ]
        for board in real
    ]
    assert sorted(told) == sorted(expected)
    methods = {name for row in table(FLASHING, 4) for name in re.findall(r"`(\w+)`", row[0])}
    assert methods == {board.name for board in real}
    assert {board.name for board in real} <= set(re.findall(r"`(\w+)`", README.partition("## Boards")[2].partition("## ")[0]))


def table_of_wires() -> list[list[str]]:
    wiring = PROVISIONING.partition("## Wiring")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in wiring.splitlines() if line.startswith("|")]
    return [row for row in rows if len(row) == 4]


def test_the_example_of_a_station_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    example = re.search(r"```toml\n(.*?)```", PROVISIONING, re.DOTALL)
    assert example
    (tmp_path / "machine-42.toml").write_text(example[1])
    monkeypatch.setenv(WIFI_VARIABLE, "a passphrase")
    monkeypatch.setenv(BROKER_VARIABLE, "another")
    assert StationFile(tmp_path / "machine-42.toml").complete().name == "factory/floor-2/machine-42"
