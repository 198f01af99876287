"""Several methods on one photo: run, shown side by side, kept in a file, and run again from it.

`compare` runs them; `montage` draws them, `bundle` writes what is downloaded, `replay` reads that to run it again.
"""

from rorem.comparison.blind import letters, shuffled
from rorem.comparison.record import Cell, Request
from rorem.comparison.running import compare, order

__all__ = ["Cell", "Request", "compare", "letters", "order", "shuffled"]
