"""The plots of the report, drawn as those of the labels' report are: SVG in the page itself, in the page's colours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from data_tools.auto_label.bound import Look
from data_tools.auto_label.reliability import Bin
from rorem.figures import FAINT, INK, MARK, new_figure, plainly, to_svg

BARS = 40
THIN = {"linewidth": 1.0, "linestyle": (0, (4, 3))}


@plainly
def reliability(bins: Sequence[Bin]) -> str:
    """What came against what was predicted, a mark a bin with its interval; on the diagonal both are the same. SVG."""
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1], color=INK, alpha=0.5, **THIN)
    across = [one.predicted for one in bins]
    for one in bins:
        axes.plot([one.predicted] * 2, [one.low, one.high], color=MARK, linewidth=1.4, alpha=0.6)
    axes.plot(across, [one.share for one in bins], color=MARK, linewidth=1.2, marker="o", markersize=4)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.get_major_locator().set_params(integer=False)  # type: ignore[attr-defined]
    axes.set_xlabel("Predicted probability")
    axes.set_ylabel("Share of yes")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return to_svg(figure, "reliability", "Share of yes against predicted probability")


@plainly
def tests(looks: Sequence[Look], wanted: float) -> str:
    """Share of yes and its lower bound in each set that was tested, by its number of answered removals. SVG."""
    figure, axes = new_figure()
    across = [one.answered for one in looks]
    axes.plot(across, [one.share for one in looks], color=MARK, linewidth=1.6, marker="o", markersize=3)
    axes.fill_between(across, [one.low for one in looks], [one.share for one in looks], color=MARK, alpha=0.25, lw=0)
    axes.axhline(wanted, color=INK, alpha=0.6, **THIN)
    least = min(*(one.low for one in looks), wanted)
    axes.set_ylim(least - 0.1 * (1 - least), 1.0 + 0.05 * (1 - least))
    axes.yaxis.get_major_locator().set_params(integer=False)  # type: ignore[attr-defined]
    axes.set_xlabel("Answered removals, from the best score down")
    axes.set_ylabel("Share of yes")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return to_svg(figure, "tests", "Share of yes and its lower bound in each set that was tested")


@plainly
def scores(raw: np.ndarray, accepted: np.ndarray) -> str:
    """How many removals have which raw score; those that are accepted are full, the others faint. SVG."""
    figure, axes = new_figure()
    low, high = float(raw.min()), float(raw.max())
    reach = (low, high) if low < high else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(raw, BARS, reach)
    taken, _ = np.histogram(raw[accepted], BARS, reach)
    width = edges[1] - edges[0]
    axes.bar(edges[:-1], counts, width, align="edge", color=MARK, alpha=0.3)
    axes.bar(edges[:-1], taken, width, align="edge", color=MARK)
    axes.set_xlabel("Raw score")
    axes.set_ylabel("Removals")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    return to_svg(figure, "scores", "How many removals have which raw score")
