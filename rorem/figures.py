"""Plots as SVG elements of a page: their text is the page's text, their colours are the page's colours."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

P = ParamSpec("P")
INK, FAINT, MARK = "#0a0b0c", "#0a0b0d", "#0a0b0e"  # stand-ins: the page's text, its lines, its colour for marks
PAGE = {INK: "currentColor", FAINT: "var(--line)", MARK: "var(--mark)"}
SIZE = (4.4, 2.3)  # inches; 422 px wide in a page
POINTS = 8.5


def plainly(draw: Callable[P, str]) -> Callable[P, str]:
    """Draws with matplotlib's own defaults, whatever a person has set; a $ in a name is no formula; text stays text."""

    @wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        import matplotlib

        with matplotlib.rc_context():
            matplotlib.rcdefaults()
            matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "rorem", "text.parse_math": False})
            return draw(*args, **kwargs)

    return drawn


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


def to_svg(figure: Figure, name: str, about: str, colours: Mapping[str, str] = PAGE) -> str:
    """The figure as an element for a page: no header, no names from outside. The same figure gives the same bytes.

    name: makes the ids in it the page's only ones. about: what it shows, for a screen reader. colours: hexadecimal
    stand-ins and what CSS shows in their place.
    """
    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href=", "href=")
    prefix = re.sub(r"\W+", "-", name)
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    for stand_in, real in colours.items():
        text = text.replace(stand_in, real)
    label = about.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).strip()
