"""Source, mask, result and truth: the record that everything exchanges, and the sets it comes in.

`open_set` opens a set by its name, `write_folder` and `write_shards` write one. Importing this is light: pyarrow and
huggingface_hub are loaded when a set needs them.
"""

from rorem.triplet.folder import open_folder
from rorem.triplet.folder_writing import write_folder
from rorem.triplet.hub import OnFile, open_hub
from rorem.triplet.opening import open_set
from rorem.triplet.record import Triplet
from rorem.triplet.sets import TripletSet
from rorem.triplet.shards import open_shards
from rorem.triplet.shards_writing import write_shards

__all__ = [
    "OnFile",
    "Triplet",
    "TripletSet",
    "open_folder",
    "open_hub",
    "open_set",
    "open_shards",
    "write_folder",
    "write_shards",
]
