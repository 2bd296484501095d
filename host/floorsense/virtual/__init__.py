"""A virtual board: real MicroPython at the end of a serial port, its flash a file, its hardware software."""

from floorsense.virtual.board import VirtualBoard as VirtualBoard
from floorsense.virtual.faults import Faults as Faults
from floorsense.virtual.flash import Flash as Flash
