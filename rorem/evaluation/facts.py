"""Numbers that a run knows by itself: time, memory, network calls, and what the judge and people said.

They stand in rows beside the metrics and have ids and definitions like them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rorem.metrics.contract import Better

Kind = Literal["mean", "rate", "latency"]


@dataclass(frozen=True)
class Fact:
    """Looks like `rorem.metrics.Metric` to whoever makes tables.

    kind: how it is summed up: a mean; a rate of yes and no with Wilson's interval; a time with p50 and p95.
    """

    id: str
    title: str
    about: str
    better: Better
    unit: str = ""
    kind: Kind = "mean"
    needs_truth: bool = False


LATENCY = Fact(
    "latency",
    "Seconds",
    "Wall time of one removal in seconds: masks, windows, the method and stitching; without opening and saving files "
    "and without loading the method.",
    "lower",
    "s",
    "latency",
)
PEAK_MEMORY = Fact(
    "peak_memory",
    "Memory",
    "Highest resident memory of the whole process during the removal, in bytes. Networks of metrics are not loaded "
    "then, but what methods before it left behind counts: for a comparison, give each a run of its own.",
    "",
    "B",
)
PEAK_GPU_MEMORY = Fact(
    "peak_gpu_memory",
    "GPU memory",
    "Highest memory that torch held on the GPU during the removal, in bytes.",
    "lower",
    "B",
)
NETWORK_CALLS = Fact(
    "network_calls",
    "Network calls",
    "Forward passes of the denoiser or generator that were really made for one removal.",
    "lower",
)
DRIFT = Fact(
    "drift",
    "Drift",
    "As published only: mean difference in levels (0 to 255) between result and source where nothing was marked.",
    "lower",
)
SUCCESS_JUDGE = Fact(
    "success_judge",
    "Success (judge)",
    "Share of removals that RORem's discriminator accepts at its published threshold: raw score 0.9 or more on the "
    "whole picture at 512 x 512, without noise. It favours RORem's own family.",
    "higher",
    kind="rate",
)
JUDGE_RAW = Fact(
    "judge_raw",
    "Judge score",
    "Raw score of RORem's discriminator on the whole picture at 512 x 512, without noise; about 1 is good, 0 bad.",
    "higher",
)
SUCCESS_HUMAN = Fact(
    "success_human",
    "Success (people)",
    "Share of removals that people accepted, by the answers given to the run; of several answers to one, the majority, "
    "a tie counting as half.",
    "higher",
    kind="rate",
)

FACTS = (
    SUCCESS_HUMAN,
    SUCCESS_JUDGE,
    JUDGE_RAW,
    LATENCY,
    PEAK_MEMORY,
    PEAK_GPU_MEMORY,
    NETWORK_CALLS,
    DRIFT,
)
