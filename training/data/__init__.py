"""Sets of triplets as batches: which record comes when, how it is cropped, and latents that are made once.

`DataSettings` is what a run can be told of it, `DataSource` what a task's `source` returns.
"""

from training.data.facts import Facts
from training.data.labels import Label, label_of
from training.data.latents import posterior
from training.data.settings import DataSettings
from training.data.source import DataSource, plain

__all__ = ["DataSettings", "DataSource", "Facts", "Label", "label_of", "plain", "posterior"]
