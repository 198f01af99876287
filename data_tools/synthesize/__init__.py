"""Pairs with exact truth, made of clean photos and cut-outs: `python -m data_tools.synthesize --out DIR`.

`synthesize` is the function behind the command. data_tools.synthesize.frozen makes the small set inside the package.
"""

from data_tools.synthesize.building import Settings, Summary, synthesize

__all__ = ["Settings", "Summary", "synthesize"]
