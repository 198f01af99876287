"""Pairs of real photos with and without a thing, from the data set RORD: `python -m data_tools.rord DIR --out DIR`.

`rord` is the function behind the command.
"""

from data_tools.rord.building import Summary, rord
from data_tools.rord.settings import Settings

__all__ = ["Settings", "Summary", "rord"]
