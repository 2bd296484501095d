"""The numbers beside a vibration's value: ``(name, unit, decimals)`` of each, in the order in which they are stored and sent.

The order is part of the contract between a board and its own store: append, never reorder.
"""

VIBRATION = (
    ("rms", "g", 4),
    ("peak", "g", 4),
    ("crest", "", 3),
    ("kurtosis", "", 3),
    # The true rate at which the sensor sampled.
    ("rate", "Hz", 1),
    ("peak_to_peak", "g", 4),
    ("displacement", "um", 2),
    # Of the acceleration, RMS: 10 to 100 Hz, 100 to 1000 Hz, and above.
    ("low", "g", 4),
    ("middle", "g", 4),
    ("high", "g", 4),
    # The three greatest lines of the spectrum.
    ("line1", "Hz", 2),
    ("line1_g", "g", 4),
    ("line2", "Hz", 2),
    ("line2_g", "g", 4),
    ("line3", "Hz", 2),
    ("line3_g", "g", 4),
    # How many times the median of the envelope's spectrum a bearing's lines are, where its geometry is known.
    ("bpfo", "", 1),
    ("bpfi", "", 1),
    ("bsf", "", 1),
    ("ftf", "", 1),
    # The same at twice the frequency of each.
    ("bpfo2", "", 1),
    ("bpfi2", "", 1),
    ("bsf2", "", 1),
    ("ftf2", "", 1),
)
