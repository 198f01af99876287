"""Numbers with their intervals, and how a number with an id is summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rorem.evaluation.resampling import mean_intervals
from rorem.metrics.intervals import wilson


class Definition(Protocol):
    """What is known of a number with an id; `rorem.metrics.Metric` and `rorem.evaluation.facts.Fact` are such."""

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def better(self) -> str: ...
    @property
    def unit(self) -> str: ...


@dataclass(frozen=True)
class Unknown:
    """Stands in for a metric that is in the rows and in no list."""

    id: str
    title: str
    about: str = "Nothing is known here of how this number is defined."
    better: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval. value: None = nothing finite was measured. low, high: None = no interval."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0


def kind(definition: Definition) -> str:
    """How a number is summed up: "mean", "rate" (of yes and no) or "latency"."""
    return getattr(definition, "kind", "mean")


def rate(values: np.ndarray) -> Estimate:
    """A share of yes with Wilson's interval. values: float64 (n,), for each picture its share of yes, 0 to 1.

    n counts pictures, not answers or seeds: those of one picture are alike, and counting them would feign certainty.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return Estimate(None)
    low, high = wilson(float(values.sum()), len(values))
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def estimates(columns: np.ndarray, rates: Sequence[bool], seed: int = 0) -> list[Estimate]:
    """Means with intervals. columns: float64 (K, N), a value for each picture, NaN = none. rates: which are shares of
    yes. n counts infinite values too; mean and interval do not."""
    finite = np.where(np.isfinite(columns), columns, np.nan)
    plain = np.flatnonzero(~np.array(rates, bool))
    intervals = np.full((len(columns), 2), np.nan)
    intervals[plain] = mean_intervals(finite[plain], seed)
    found = []
    for column, values, interval, is_rate in zip(columns, finite, intervals, rates, strict=True):
        there = values[~np.isnan(values)]
        n = int((~np.isnan(column)).sum())
        low, high = map(known_number, interval)
        found.append(rate(there) if is_rate else Estimate(float(there.mean()) if len(there) else None, low, high, n))
    return found


def paired(first: np.ndarray, second: np.ndarray, better: str) -> np.ndarray:
    """First minus second, picture by picture; of sizes where nearest to zero is best. float64 (N,), NaN = no value."""
    if better == "zero":
        first, second = np.abs(first), np.abs(second)
    same = np.isinf(first) & (first == second)
    with np.errstate(invalid="ignore"):
        return np.where(same, 0.0, first - second)


def mean_changes(columns: np.ndarray, seed: int = 0) -> list[Estimate]:
    """Means of paired differences with bootstrapped intervals. columns: float64 (K, N), as `paired` gives them.

    An infinite difference opens the interval to infinity, where resamples often have it; the mean leaves it out.
    """
    found = []
    for column, interval in zip(columns, mean_intervals(columns, seed), strict=True):
        finite = column[np.isfinite(column)]
        low, high = map(known_number, interval)
        mean = float(finite.mean()) if len(finite) else None
        found.append(Estimate(mean, low, high, int((~np.isnan(column)).sum())))
    return found


def defined(definitions: Mapping[str, Definition], metric: str) -> Definition:
    """The definition of a metric, or one that says that there is none."""
    return definitions.get(metric) or Unknown(metric, metric)


def known_number(value: float) -> float | None:
    """NaN as None."""
    return None if np.isnan(value) else float(value)
