"""Numbers with their intervals, and how a number with an id is summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from rorem.metrics.intervals import mean_intervals, wilson


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
    """A number with its 95 % interval. low, high: None = no interval. n: pictures with a value, infinite ones too.

    exact: pictures with an infinite value, which means equal. rest: the mean over the others, where some are exact.
    value: the mean over the finite ones; None where most are exact, since `rest` would not speak for the method.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = 0
    exact: int = 0
    rest: float | None = None


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
    yes."""
    plain = np.flatnonzero(~np.array(rates, bool))
    intervals = np.full((len(columns), 2), np.nan)
    intervals[plain] = mean_intervals(np.where(np.isfinite(columns[plain]), columns[plain], np.nan), seed)
    found = []
    for column, interval, is_rate in zip(columns, intervals, rates, strict=True):
        if is_rate:
            found.append(rate(column))
            continue
        mean = _mean(column)
        low, high = (None, None) if mean.value is None else map(known_number, interval)
        found.append(replace(mean, low=low, high=high))
    return found


def mean_changes(columns: np.ndarray, seed: int = 0) -> list[Estimate]:
    """Means of paired differences with bootstrapped intervals. columns: float64 (K, N), as `differences` gives them.

    An infinite difference opens the interval to infinity, where resamples often have it.
    """
    found = []
    for column, interval in zip(columns, mean_intervals(columns, seed), strict=True):
        low, high = map(known_number, interval)
        found.append(replace(_mean(column), low=low, high=high))
    return found


def _mean(column: np.ndarray) -> Estimate:
    """Of one column, without interval."""
    there = column[~np.isnan(column)]
    finite = there[np.isfinite(there)]
    mean = float(finite.mean()) if len(finite) else None
    exact = len(there) - len(finite)
    return Estimate(None if 2 * exact > len(there) else mean, n=len(there), exact=exact, rest=mean if exact else None)


def defined(definitions: Mapping[str, Definition], metric: str) -> Definition:
    """The definition of a metric, or one that says that there is none."""
    return definitions.get(metric) or Unknown(metric, metric)


def known_number(value: float) -> float | None:
    """NaN as None."""
    return None if np.isnan(value) else float(value)
