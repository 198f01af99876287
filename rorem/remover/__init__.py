"""The contract of a removal method, and `remove`, the road every removal takes."""

from rorem.remover.contract import (
    AS_PUBLISHED,
    SAME_PIPELINE,
    Fill,
    Job,
    Method,
    OnStep,
    Options,
    Published,
    Remover,
    Road,
    Traits,
    no_step,
)
from rorem.remover.removal import Rank, Removal, WindowReport
from rorem.remover.road import remove

__all__ = [
    "AS_PUBLISHED",
    "SAME_PIPELINE",
    "Fill",
    "Job",
    "Method",
    "OnStep",
    "Options",
    "Published",
    "Rank",
    "Removal",
    "Remover",
    "Road",
    "Traits",
    "WindowReport",
    "no_step",
    "remove",
]
