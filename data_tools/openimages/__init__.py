"""Candidates for removal from OpenImages V7: `python -m data_tools.openimages --root DIR --out DIR`.

`make_set` and `make_list` are the functions behind the command; `Bucket` fetches what OpenImages publishes.
"""

from data_tools.openimages.bucket import Bucket
from data_tools.openimages.building import Progress, Summary, make_list, make_set
from data_tools.openimages.settings import Settings

__all__ = ["Bucket", "Progress", "Settings", "Summary", "make_list", "make_set"]
