"""Sets from the Hub: `python -m data_tools.fetch OWNER/NAME --out DIR`, as shards or as a folder.

`fetch` is the function behind the command; `data_tools.publish` goes the other way.
"""

from data_tools.fetch.fetching import fetch

__all__ = ["fetch"]
