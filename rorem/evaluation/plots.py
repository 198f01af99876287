"""Plots as SVG that lies in the page itself: its text is the page's text, its colours follow light and dark.

One small plot a metric instead of one large figure, so that a page can set them side by side on a screen and below each
other on a phone. The same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rorem.evaluation.estimates import Definition, Estimate, kind
from rorem.evaluation.slices import Cut
from rorem.evaluation.summary import Summary
from rorem.evaluation.wording import ARROWS, Scale, exactly, named, scale
from rorem.figures import FAINT, INK, PAGE, plainly, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.transforms import Transform

# One colour a method, the same in every plot: on a light page, on a dark one. Found by search: they stand out from the
# page, and people with any kind of colour vision can tell any two apart. Marks differ, too.
PALETTE = (
    ("#818ec7", "#0092ec"),
    ("#ca8100", "#d7450e"),
    ("#21553d", "#5effae"),
    ("#6c066f", "#aa6181"),
    ("#a08c59", "#ffe93a"),
    ("#6354b8", "#b396cd"),
    ("#651f0a", "#dd716e"),
    ("#526800", "#aad25f"),
    ("#1f9c9d", "#aef2ff"),
    ("#664666", "#e4a4b5"),
)
MARKS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p")
COLOURS = PAGE | {light: f"var(--m{number})" for number, (light, _) in enumerate(PALETTE)}
WIDTH = 4.0  # inches; 384 px in a page
SIZE = 8.5  # points
ROW = 0.21  # inches a method
TOP = 0.3  # inches, for the title
LONGEST = 22  # signs of a name


@dataclass(frozen=True)
class Look:
    """How a method is drawn: its colour's number, its mark."""

    colour: str
    mark: str


def look(number: int) -> Look:
    """Of a method, by its place in the run."""
    return Look(PALETTE[number % len(PALETTE)][0], MARKS[number % len(MARKS)])


@plainly
def intervals(summary: Summary, definition: Definition) -> str:
    """A metric of every method with its interval, one row a method. SVG."""
    names = [one.method for one in summary.methods]
    cells = [summary.cells.get((definition.id, name)) for name in names]
    shown = [None if cell is None else (cell.p50 or cell.mean) for cell in cells]
    unit = scale(definition, [one for one in shown if one])
    figure, axes = _figure(0.62 + ROW * len(names), left=_room(names))
    for number, (cell, one) in enumerate(zip(cells, shown, strict=True)):
        how, y = look(number), len(names) - 1 - number
        if cell is None or one is None or one.value is None:
            words, sideways = _no_mark(one, unit), axes.get_yaxis_transform()
            axes.text(0.02, y, words, transform=sideways, va="center", color=INK, fontsize=SIZE - 1, alpha=0.8)
            continue
        if one.low is not None and one.high is not None:
            axes.plot([one.low * unit.factor, one.high * unit.factor], [y, y], color=how.colour, linewidth=2.2)
        hollow = "none" if one.low is None else how.colour
        axes.plot([one.value * unit.factor], [y], how.mark, color=how.colour, markerfacecolor=hollow, markersize=5.5)
    axes.set_yticks(range(len(names)), [_short(name) for name in reversed(names)])
    axes.set_ylim(-0.6, len(names) - 0.4)
    if kind(definition) == "latency" and all(one.value for one in shown if one):
        _log(axes)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    _title(axes, definition, unit, ", p50" if any(cell and cell.p50 for cell in cells) else "")
    return _svg(figure, f"intervals-{definition.id}", f"{definition.title} of every method with its interval")


@plainly
def against_seconds(summary: Summary, definition: Definition, latency: Definition) -> str:
    """Quality against the median of seconds, which has a logarithmic axis; both with their intervals. SVG, or "" where
    no method has both."""
    points: list[tuple[int, Estimate, Estimate]] = []
    for number, one in enumerate(summary.methods):
        good, slow = (summary.cells.get((id, one.method)) for id in (definition.id, latency.id))
        if good and slow and good.mean.value is not None and slow.p50 and (slow.p50.value or 0) > 0:
            points.append((number, slow.p50, good.mean))
    if not points:
        return ""
    unit = scale(definition, [y for _, _, y in points])
    names = [summary.methods[number].method for number, _, _ in points]
    figure, axes = _figure(max(2.7, 0.9 + 0.17 * len(points)), left=0.55, right=_room(names), bottom=0.45)
    for number, x, y in points:
        how, across, up = look(number), x.value or 0.0, (y.value or 0.0) * unit.factor
        if x.low and x.high:
            axes.plot([x.low, x.high], [up, up], color=how.colour, linewidth=1.2)
        if y.low is not None and y.high is not None:
            axes.plot([across, across], [y.low * unit.factor, y.high * unit.factor], color=how.colour, linewidth=1.2)
        axes.plot([across], [up], how.mark, color=how.colour, markersize=6)
    _log(axes)
    axes.margins(x=0.12, y=0.08)
    axes.set_xlabel("Seconds, p50")
    axes.grid(color=FAINT, linewidth=0.6)
    places = [(number, x.value or 0.0, (y.value or 0.0) * unit.factor) for number, x, y in points]
    _names_at_right(figure, axes, summary, places)
    _title(axes, definition, unit)
    return _svg(figure, f"seconds-{definition.id}", f"{definition.title} against seconds")


@plainly
def by_part(summary: Summary, cut: Cut, definition: Definition) -> str:
    """A metric of every method over the slices of a cut, from the smallest masks to the largest. SVG, or ""."""
    lines: list[tuple[int, list[tuple[int, float]]]] = []
    every = [one for part in cut.slices for key, one in part.cells.items() if key[0] == definition.id]
    unit = scale(definition, every)
    for number, one in enumerate(summary.methods):
        cells = [part.cells.get((definition.id, one.method)) for part in cut.slices]
        values = [(at, cell.value * unit.factor) for at, cell in enumerate(cells) if cell and cell.value is not None]
        if values:
            lines.append((number, values))
    if not lines:
        return ""
    names = [summary.methods[number].method for number, _ in lines]
    figure, axes = _figure(max(2.7, 0.9 + 0.17 * len(lines)), left=0.55, right=_room(names), bottom=0.45)
    for number, values in lines:
        how = look(number)
        across, up = zip(*values, strict=True)
        axes.plot(across, up, marker=how.mark, color=how.colour, linewidth=1.4, markersize=4)
    axes.set_xticks(range(len(cut.slices)), [f"{100 * part.middle:.2g}" for part in cut.slices])
    axes.tick_params(axis="x", labelsize=SIZE - 1.5)
    axes.set_xlabel("Mask, % of the picture (middle of each part)")
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    _names_at_right(figure, axes, summary, [(number, *values[-1]) for number, values in lines])
    _title(axes, definition, unit)
    return _svg(figure, f"size-{definition.id}", f"{definition.title} by the size of the mask")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to the wanted ones as can be, at least `gap` apart and within low to high where there is room."""
    order = sorted(range(len(wanted)), key=lambda at: wanted[at])
    blocks: list[tuple[float, list[int]]] = []  # centre, members; neighbours too near are one block
    for at in order:
        blocks.append((wanted[at], [at]))
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < gap * (len(blocks[-1][1]) + len(blocks[-2][1])) / 2:
            (_, upper), (_, lower) = blocks.pop(), blocks.pop()
            members = lower + upper
            half = gap * (len(members) - 1) / 2
            centre = sum(wanted[one] for one in members) / len(members)
            blocks.append((min(max(centre, low + half), max(high - half, low + half)), members))
    found = [0.0] * len(wanted)
    floor = low
    for centre, members in blocks:
        start = max(floor, min(max(centre, low), high) - gap * (len(members) - 1) / 2)
        for step, at in enumerate(members):
            found[at] = start + gap * step
        floor = start + gap * len(members)
    return found


def _figure(height: float, left: float, right: float = 0.15, bottom: float = 0.3) -> tuple[Figure, Axes]:
    """All in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    box = (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - TOP) / height)
    axes = figure.add_axes(box)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    axes.tick_params(length=0, colors=INK, labelsize=SIZE - 0.5)
    axes.xaxis.label.set(color=INK, fontsize=SIZE - 0.5)
    return figure, axes


def _title(axes: Axes, definition: Definition, unit: Scale, suffix: str = "") -> None:
    words = (f"{named(definition)}{suffix}", f"({unit.unit})" if unit.unit not in ("", "s") else "")
    text = " ".join(filter(None, (*words, ARROWS.get(definition.better, ""))))
    axes.text(0.01, 1, text, transform=_corner(axes), color=INK, fontsize=SIZE + 0.5, va="top")


def _corner(axes: Axes) -> Transform:
    """Of the whole figure, a little below its upper edge."""
    from matplotlib.transforms import ScaledTranslation

    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure.transFigure + ScaledTranslation(0, -TOP / 3, figure.dpi_scale_trans)


def _log(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    steps = (1.0,) if high / low > 60 else (1.0, 3.0) if high / low > 6 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
    axes.xaxis.set_major_locator(LogLocator(subs=steps))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _names_at_right(figure: Figure, axes: Axes, summary: Summary, places: Sequence[tuple[int, float, float]]) -> None:
    """The methods' names beside the plot, none over another, each with a line to its point. places: number, x, y."""
    from matplotlib.lines import Line2D

    points = [axes.transData.transform((x, y)) for _, x, y in places]
    box = axes.get_window_extent()
    heights = spread([float(y) for _, y in points], SIZE * 1.25 * figure.dpi / 72, box.y0, box.y1)
    pixels = figure.transFigure.inverted()
    for (number, _, _), point, height in zip(places, points, heights, strict=True):
        start, end = pixels.transform(point), pixels.transform((box.x1 + 8, height))
        colour = look(number).colour
        figure.add_artist(Line2D([start[0], end[0]], [start[1], end[1]], color=colour, linewidth=0.5, alpha=0.6))
        name = _short(summary.methods[number].method)
        figure.text(end[0] + 0.008, end[1], name, color=INK, fontsize=SIZE - 0.5, va="center_baseline")


def _no_mark(estimate: Estimate | None, unit: Scale) -> str:
    """Instead of a mark: most pictures are exact, or none has a value."""
    return f"exact {exactly(estimate, unit)}" if estimate and estimate.exact else "no value"


def _room(names: Sequence[str]) -> float:
    """Inches for the longest name."""
    return 0.2 + 0.072 * max((len(_short(name)) for name in names), default=0)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _svg(figure: Figure, name: str, about: str) -> str:
    return to_svg(figure, name, about, COLOURS)
