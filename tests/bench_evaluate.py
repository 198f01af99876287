"""What `rorem evaluate` costs beside the methods' own time."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rorem.evaluation.plan import Plan
from rorem.evaluation.running import evaluate
from rorem.triplet import open_set
from tests.server import ROOT

SAMPLES = ROOT / "rorem" / "samples"
SEEDS = (0, 1, 2)


def overhead() -> dict[str, float]:
    """The built-in method on the built-in pairs, with every metric that needs no weights.

    Returns seconds: `whole` of the run, `own` of the removals themselves, and `share`, what the rest adds to `own`.
    """
    samples = open_set(str(SAMPLES))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        finished = evaluate(samples, Plan(("patchmatch",), seeds=SEEDS), Path(folder) / "out")
        whole = time.perf_counter() - started
    assert finished is not None and not finished.failures
    own = sum(row.value or 0.0 for row in finished.rows if row.metric == "latency")
    return {"whole": whole, "own": own, "share": (whole - own) / own}


if __name__ == "__main__":
    print(overhead())
