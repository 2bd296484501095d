"""Is the telemetry right? A pure core: messages and their arrival times in, findings out."""

from floorsense.check.board import Board
from floorsense.check.checker import Checker
from floorsense.check.expectation import Expectation
from floorsense.check.findings import FAULT, NOTE, Finding
from floorsense.check.report import Report
from floorsense.check.series import Series

__all__ = ["FAULT", "NOTE", "Board", "Checker", "Expectation", "Finding", "Report", "Series"]
