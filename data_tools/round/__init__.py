"""One round of growing a set: what was there, what people said yes to, what the judge accepted; and a manifest of it.

`make` puts a round together, `rebuild` makes the same set again from its manifest, `status` sums up the rounds so far.
"""

from data_tools.round.making import Inputs, Made, make
from data_tools.round.rebuilding import rebuild
from data_tools.round.settings import Settings
from data_tools.round.status import Row, status

__all__ = ["Inputs", "Made", "Row", "Settings", "make", "rebuild", "status"]
