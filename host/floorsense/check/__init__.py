"""Is the telemetry right? A pure core: messages and their arrival times in, findings out."""

from floorsense.check.checker import Board, Checker
from floorsense.check.expectation import Expectation
from floorsense.check.report import FAULT, NOTE, Finding, Report
from floorsense.check.series import Series

__all__ = ["FAULT", "NOTE", "Board", "Checker", "Expectation", "Finding", "Report", "Series"]
