"""The plots of the labels' report: SVG in the page itself, its text the page's text, its colours the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
INK, FAINT, MARK = "#0a0b0c", "#0a0b0d", "#0a0b0e"  # stand-ins: the page's text, its lines, its colour for marks
SIZE = (4.4, 2.3)  # inches; 422 px wide in a page
POINTS = 8.5
BINS = 20


@dataclass(frozen=True)
class Slot:
    """A span of time. label: of its start. Seconds an answer: the quartiles."""

    label: str
    low: float
    middle: float
    high: float


def plainly(draw: Callable[P, str]) -> Callable[P, str]:
    """With matplotlib's own defaults, whatever a person has set; a $ in a name is no formula; text stays text."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "rorem", "text.parse_math": False})
            return draw(*args, **kwargs)

    return drawn


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


def new_figure() -> tuple[Figure, Axes]:
    """Of one width and height everywhere, with the axes of our pages."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE)
    axes = figure.add_axes((0.14, 0.2, 0.83, 0.74))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, colors=INK, labelsize=POINTS)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set(color=INK, fontsize=POINTS)
    axes.yaxis.get_major_locator().set_params(integer=True, nbins=5)  # type: ignore[attr-defined]
    return figure, axes


def to_svg(figure: Figure, name: str, about: str) -> str:
    """The figure as an element for a page: no header, no names from outside. name, about: our own words."""
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    text = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{name}-", text)
    for stand_in, real in ((INK, "currentColor"), (FAINT, "var(--line)"), (MARK, "var(--mark)")):
        text = text.replace(stand_in, real)
    return text.replace("<svg ", f'<svg role="img" aria-label="{about}" ', 1).strip()
