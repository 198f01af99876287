"""Pairs in high resolution with exact truth, of DIV2K and Flickr2K: `python -m data_tools.hires DIR --out DIR`.

`hires` is the function behind the command.
"""

from data_tools.hires.building import Summary, hires
from data_tools.hires.settings import Settings

__all__ = ["Settings", "Summary", "hires"]
