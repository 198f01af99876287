"""Metrics of removals: one pure function each, with an id and a definition. `rorem.metrics.catalog` lists them all."""

from rorem.metrics.contract import Measure, Metric, Seen, SetMetric

__all__ = ["Measure", "Metric", "Seen", "SetMetric"]
