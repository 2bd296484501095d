"""Rolling bearings by name, or by the geometry that a person writes."""

from floornode.dsp import bearing
from floorsense.errors import UsageError

# (balls, ball diameter, pitch diameter, contact angle in degrees), and from whose published data: those of test rigs whose
# recordings are free, so that everybody can try: Case Western Reserve University's Bearing Data Center, the Center for
# Intelligent Maintenance Systems, Xi'an Jiaotong University with Changxing Sumyoung, the Society for Machinery Failure
# Prevention Technology. Diameters are in inches, of UER204 in mm.
_RIGS = {
    "6203": ((8, 0.2656, 1.122, 0.0), "CWRU, fan end"),
    "6205": ((9, 0.3126, 1.537, 0.0), "CWRU, drive end"),
    "ZA-2115": ((16, 0.331, 2.815, 15.17), "IMS Center"),
    "UER204": ((8, 7.92, 34.55, 0.0), "XJTU-SY (LDK)"),
    "NICE": ((8, 0.235, 1.245, 0.0), "MFPT"),
}
CATALOGUE = {name: geometry for name, (geometry, _source) in _RIGS.items()}
SOURCES = {name: source for name, (_geometry, source) in _RIGS.items()}

Orders = tuple[int, int, int, int]


def parse(text: str) -> Orders:
    """A name of the catalogue, or ``BALLS,BALL,PITCH[,CONTACT]``: how many, two diameters in one unit, degrees.

    Raises UsageError.
    """
    if text.upper() in CATALOGUE:
        return _orders(text, CATALOGUE[text.upper()])
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (3, 4) or not numbers[0].is_integer():
        known = ", ".join(CATALOGUE)
        raise UsageError(
            f"--bearing {text}: known are {known}; "
            "any other as BALLS,BALL_DIAMETER,PITCH_DIAMETER[,CONTACT_DEGREES], e.g. 9,7.94,39.04"
        )
    contact = numbers[3] if len(numbers) == 4 else 0.0
    return _orders(text, (int(numbers[0]), numbers[1], numbers[2], contact))


def _orders(text: str, geometry: tuple[int, float, float, float]) -> Orders:
    try:
        found: Orders = bearing.orders(*geometry)
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--bearing {text}: {error}") from error
    return found
