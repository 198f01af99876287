"""Many photos, one after the other: which mask goes with which photo, where the result goes, and doing it so that a run
that was stopped can be taken up again. Nothing here prints; `rorem.cli` does.

`from_paths` or `from_manifest` make tasks, `guarded` refuses those that would do harm, `work` does one.
"""

from rorem.batch.manifest import from_manifest
from rorem.batch.pairs import from_paths
from rorem.batch.task import LARGEST_SEED, BadRequest, Outcome, Settings, Task
from rorem.batch.work import guarded, unwritten, work

__all__ = [
    "LARGEST_SEED",
    "BadRequest",
    "Outcome",
    "Settings",
    "Task",
    "from_manifest",
    "from_paths",
    "guarded",
    "unwritten",
    "work",
]
