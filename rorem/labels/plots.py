"""The plots of the labels' report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rorem.figures import FAINT, MARK, new_figure, plainly, to_svg

BINS = 20


@dataclass(frozen=True)
class Slot:
    """A span of time. label: of its start. Seconds an answer: the quartiles."""

    label: str
    low: float
    middle: float
    high: float


@plainly
def histogram(values: Sequence[float]) -> str:
    """How many items have which probability of a yes; values: 0 to 1. SVG."""
    figure, axes = new_figure()
    axes.hist(values, bins=BINS, range=(0, 1), color=MARK)
    axes.set_xlim(0, 1)
    axes.set_xlabel("Probability of a yes")
    axes.set_ylabel("Items")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return to_svg(figure, "posterior", "How many items have which probability of a yes")


@plainly
def pace(slots: Sequence[Slot]) -> str:
    """Seconds an answer over time: the median, and the middle half of the answers as a band. SVG."""
    figure, axes = new_figure()
    across = range(len(slots))
    axes.fill_between(across, [one.low for one in slots], [one.high for one in slots], color=MARK, alpha=0.25, lw=0)
    axes.plot(across, [one.middle for one in slots], color=MARK, lw=1.6, marker="o", markersize=3)
    step = max(1, -(-len(slots) // 5))
    axes.set_xticks(list(across)[::step], [one.label for one in slots][::step])
    axes.set_ylim(bottom=0)
    axes.set_ylabel("Seconds an answer")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return to_svg(figure, "pace", "Seconds an answer over time")
