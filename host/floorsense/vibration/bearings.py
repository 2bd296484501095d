"""Rolling bearings by name, or by the geometry that a person writes."""

from floornode.dsp import bearing
from floorsense.errors import UsageError

# (balls, ball diameter, pitch diameter, contact angle in degrees), in inches, from the published data of two test rigs:
# Case Western Reserve University's Bearing Data Center, and the IMS Center's run-to-failure tests.
CATALOGUE = {
    "6203": (8, 0.2656, 1.122, 0.0),
    "6205": (9, 0.3126, 1.537, 0.0),
    "ZA-2115": (16, 0.331, 2.815, 15.17),
}

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
