"""The lines of a rolling bearing: how often a damaged spot is run over in each turn of the shaft. The outer ring stands.

The geometry rolls without slip; real lines lie up to some 2 % lower. (R. B. Randall, Vibration-based Condition Monitoring,
2011, section 2.2.3.)
"""

import math

# A line is looked for this far to either side of where it should be: 1/1000 of its frequency.
SLIP = 20

LINES = ("bpfo", "bpfi", "bsf", "ftf")


def orders(balls, ball_diameter, pitch_diameter, contact_deg=0):
    """BPFO, BPFI, BSF and FTF in units of 1/1000 of the shaft's frequency; the diameters in any one unit.

    Raises ValueError for a geometry that no bearing has.
    """
    if balls < 3 or not 0 < ball_diameter < pitch_diameter or not 0 <= contact_deg < 90:
        raise ValueError(
            "a bearing has at least 3 balls, smaller than its pitch diameter, and a contact angle from 0 to 89 degrees"
        )
    ratio = ball_diameter / pitch_diameter * math.cos(contact_deg * math.pi / 180)
    return (
        int(1000 * balls / 2 * (1 - ratio) + 0.5),
        int(1000 * balls / 2 * (1 + ratio) + 0.5),
        int(1000 * pitch_diameter / (2 * ball_diameter) * (1 - ratio * ratio) + 0.5),
        int(500 * (1 - ratio) + 0.5),
    )


def strengths(spectrum, median, bin_mhz, shaft_mhz, order, out):
    """How far a line and its harmonics stand out of the envelope's spectrum: each greatest magnitude near it over ``median``.

    - ``spectrum``: a measured ``spectrum.Spectrum`` of the envelope; ``bin_mhz``: its bins' width, in mHz;
    - ``shaft_mhz``: the shaft's frequency in mHz; ``order``: the line's, in 1/1000 of it;
    - ``out``: an array, a place a harmonic from the first on, in 1/10; 0 for one beyond the spectrum.
    """
    line_mhz = shaft_mhz // 1000 * order + shaft_mhz % 1000 * order // 1000
    for harmonic in range(1, len(out) + 1):
        centre = line_mhz * harmonic
        # Never less than a bin and a half: that is what the window makes of any line.
        aside = max(centre // 1000 * SLIP, bin_mhz * 3 // 2)
        first = (centre - aside + bin_mhz // 2) // bin_mhz
        last = (centre + aside + bin_mhz // 2) // bin_mhz
        if last >= len(spectrum.lengths):
            out[harmonic - 1] = 0
        else:
            out[harmonic - 1] = spectrum.lengths[spectrum.summit(first, last)] * 10 // median
