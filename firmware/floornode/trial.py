"""A firmware on trial becomes the one that runs, once the broker has taken a reading of it. `launcher.py` has the rest."""

import os

TRIAL = "trial"
SLOT = "slot"


def is_on(path=TRIAL):
    """Whether this start is a trial."""
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def confirm(trial=TRIAL, slot=SLOT):
    """This firmware stays. A cut in between leaves the trial going on. Raises OSError when the flash cannot be written."""
    with open(trial) as file:
        folder = file.read(32).split()[0]
    with open(slot + ".new", "w") as file:
        file.write(folder + "\n")
    os.rename(slot + ".new", slot)
    os.remove(trial)
