"""Removals of whole sets, with any method of the catalog, on one machine or on many."""

from data_tools.generate.running import Summary, generate
from data_tools.generate.settings import Settings

__all__ = ["Settings", "Summary", "generate"]
