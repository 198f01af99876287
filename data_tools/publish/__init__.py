"""Sets of triplets on the Hub, and from one way of keeping them to the other: `python -m data_tools.publish`.

`publish` brings a set to the Hub as Parquet shards with a card; `convert` writes one as a folder or as shards. Both
keep every byte of every picture, and go on where they were stopped.
"""

from data_tools.publish.changing import convert
from data_tools.publish.converting import Converted, to_folder, to_shards
from data_tools.publish.patience import Patience
from data_tools.publish.pushing import Published, Wanted, publish

__all__ = ["Converted", "Patience", "Published", "Wanted", "convert", "publish", "to_folder", "to_shards"]
