"""Runs a program as CircuitPython would: `python run.py FOLDER... -- code.py`, the folders being searched in that order."""

import gc
import runpy
import sys

# The one thing of a built-in module that CPython's has not.
gc.mem_free = lambda: 131072

at = sys.argv.index("--")
sys.path[:0] = sys.argv[1:at]
runpy.run_path(sys.argv[at + 1], run_name="__main__")
