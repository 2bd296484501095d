"""What a provisioned board starts as `main.py`: the firmware in the folder that `slot` names, or a newer one on trial.

`floorsense provision` puts a new firmware beside the one that runs and writes `trial`: its folder, and how many starts it has
to prove itself. It is confirmed once the broker has taken a reading of it (floornode.trial). One that raises, or whose starts
are used up, is not started again, and the one before is. This file outlives both, so it knows nothing of either.
"""

import os
import sys

SLOT = "slot"
TRIAL = "trial"
FAILED = "failed"


def read(name):
    """The words in a file; none where there is no such file."""
    try:
        with open(name) as file:
            return file.read(32).split()
    except OSError:
        return []


def write(name, text):
    """So that a cut leaves the old file or the new one: LittleFS renames atomically."""
    with open(name + ".new", "w") as file:
        file.write(text)
    os.rename(name + ".new", name)


def choose():
    """The folder to start, and whether it is on trial."""
    trial = read(TRIAL)
    if len(trial) == 2 and trial[1].isdigit():
        folder, left = trial[0], int(trial[1])
        if left:
            print("trial: the firmware in /%s, %d more starts" % (folder, left - 1))
            write(TRIAL, "%s %d\n" % (folder, left - 1))
            return folder, True
        print("trial: the firmware in /%s did not come up; back to the one before" % folder)
        write(FAILED, folder + "\n")
        os.remove(TRIAL)
    return (read(SLOT) or ["a"])[0], False


def launch():
    folder, on_trial = choose()
    sys.path.insert(0, "/" + folder)
    try:
        __import__("main")
    except (Exception, SystemExit) as error:
        # A board that ends at SystemExit begins again at once, for ever; at its prompt it can be provisioned.
        if not isinstance(error, SystemExit):
            sys.print_exception(error)
        if on_trial:
            import machine

            machine.reset()


launch()
