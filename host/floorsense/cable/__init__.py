"""The cable to a board: its serial port, the MicroPython at the end of it, and what it says."""
