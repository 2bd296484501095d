"""Evaluation zones of ISO 20816-3 for vibration severity: what a velocity RMS, 10 to 1000 Hz, says of a machine's whole state.

- A: as newly commissioned machines; B: fit for unrestricted long-term operation; C: not fit for it, to be put right at the next
  opportunity; D: severe enough to cause damage.
- Group 1: large machines above 300 kW, or electrical ones with a shaft height of 315 mm or more; group 2: medium machines
  from 15 to 300 kW, or electrical ones of 160 to 315 mm. A support is flexible where its lowest natural frequency in the
  direction measured is not at least a quarter above the main excitation, which is mostly the speed of rotation.

A zone says nothing of a bearing's early damage, which hardly moves the velocity; a change of it within one zone may matter
more than the zone itself.
"""

RIGID = "rigid"
FLEXIBLE = "flexible"

# um/s RMS: the upper ends of A, B and C.
LIMITS = {
    (1, RIGID): (2300, 4500, 7100),
    (1, FLEXIBLE): (3500, 7100, 11000),
    (2, RIGID): (1400, 2800, 4500),
    (2, FLEXIBLE): (2300, 4500, 7100),
}


def zone(velocity, group, support):
    """The zone, "A" to "D", of a ``velocity`` RMS in um/s (the steps of the quantity). A limit belongs to the better zone.

    Raises ValueError for a group other than 1 and 2 and a support other than "rigid" and "flexible".
    """
    limits = LIMITS.get((group, support))
    if limits is None:
        raise ValueError("ISO 20816-3 has groups 1 and 2 on 'rigid' or 'flexible' supports")
    for letter, limit in zip("ABC", limits):
        if velocity <= limit:
            return letter
    return "D"
