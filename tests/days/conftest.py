"""What the days run on: the firmware, its libraries, and the fakes around it, after all that is the host's."""

import sys
from pathlib import Path

from floorsense.paths import FIRMWARE, LIB

FAKES = Path(__file__).resolve().parent.parent / "fakes"
sys.path += [str(folder) for folder in (FAKES, FIRMWARE, LIB, FAKES / "cpython", Path(__file__).resolve().parent)]
