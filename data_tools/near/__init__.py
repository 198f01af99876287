"""Which photos look alike: a perceptual hash of 64 bits, where in it the mask lies, and an exact search among many.

`photo_hash` and `place_of` look at one record; `near_pairs` and `nearest` search. Importing this is light.
"""

from data_tools.near.hashing import photo_hash
from data_tools.near.places import ALIKE_AREA, ALIKE_BOX, Place, alike, place_of
from data_tools.near.search import MOST, near_pairs, nearest

__all__ = ["ALIKE_AREA", "ALIKE_BOX", "MOST", "Place", "alike", "near_pairs", "nearest", "photo_hash", "place_of"]
