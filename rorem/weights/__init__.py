"""Published weights: what a method needs, where it lies on this machine, and how it gets there.

Importing this is light. Looking needs no network; only `pull` fetches, and only what a part names.
"""

from rorem.weights.checking import verify
from rorem.weights.parts import ByHand, Hub, Part, Url, WeightFile
from rorem.weights.places import LOCAL, complete, locate, names, obstacle, require
from rorem.weights.pulling import OnBytes, pull
from rorem.weights.record import revision_of

__all__ = [
    "LOCAL",
    "ByHand",
    "Hub",
    "OnBytes",
    "Part",
    "Url",
    "WeightFile",
    "complete",
    "locate",
    "names",
    "obstacle",
    "pull",
    "require",
    "revision_of",
    "verify",
]
