"""Removals accepted by the judge, at a threshold that people's answers of this round have shown to be good enough."""

from data_tools.auto_label.calibration import Calibration, read_calibration
from data_tools.auto_label.running import Summary, auto_label
from data_tools.auto_label.scorers import Judge
from data_tools.auto_label.settings import Settings

__all__ = ["Calibration", "Judge", "Settings", "Summary", "auto_label", "read_calibration"]
