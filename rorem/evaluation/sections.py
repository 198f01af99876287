"""What stands in the report below the main table, as text in cells: parts of the run, mask policies, pairs, cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rorem.evaluation.cases import Exhibit, Fetch, choose, show
from rorem.evaluation.estimates import Definition, Estimate, kind
from rorem.evaluation.slices import Cut, Policies
from rorem.evaluation.summary import Difference, Summary
from rorem.evaluation.tables import Shown
from rorem.evaluation.wording import NONE, Scale, exactly, scale

# What tells most of a removal comes first; a metric counts if its id starts so. The first four that were measured get
# plots against seconds and by mask size, and cases are chosen by the first that is no yes or no.
TELLING = (
    "success_human",
    "success_judge",
    "lpips_hole/gt",
    "texture_hole/gt",
    "psnr_hole/gt",
    "rc_s",
    "remove",
    "ssim",
    "psnr",
    "seam",
)
PLOTS = 4


@dataclass(frozen=True)
class Entry:
    """A line of a block. n: pictures, None = not told."""

    label: str
    cells: tuple[Shown, ...]
    n: int | None = None


@dataclass(frozen=True)
class Group:
    title: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Block:
    """A table about one metric. columns: their heads."""

    definition: Definition
    unit: str
    columns: tuple[str, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Cases:
    """The best and worst removals of one method."""

    method: str
    best: tuple[Exhibit, ...]
    worst: tuple[Exhibit, ...]


def headlines(summary: Summary, first: str = "") -> list[Definition]:
    """The metrics that tell most, of those that were measured picture by picture. first: id of one that goes first."""
    order = (first, *TELLING) if first else TELLING
    ranks = {one.id: _rank(one.id, order) for one in summary.definitions}
    told = [one for one in summary.definitions if ranks[one.id] < len(order) and one.better and _finite(summary, one)]
    return sorted(told, key=lambda one: ranks[one.id])[:PLOTS]


def of_slices(summary: Summary, cuts: Sequence[Cut], definition: Definition) -> Block:
    """Every method on every part of the run."""
    names = tuple(one.method for one in summary.methods)
    every = [one for cut in cuts for part in cut.slices for key, one in part.cells.items() if key[0] == definition.id]
    unit = scale(definition, every)
    groups = []
    for cut in cuts:
        entries = []
        for part in cut.slices:
            n = len(part.members)
            cells = tuple(_cell(part.cells.get((definition.id, name)), unit, n) for name in names)
            entries.append(Entry(part.label, cells, n))
        groups.append(Group(cut.title, tuple(entries)))
    return Block(definition, unit.unit, names, tuple(groups))


def of_policies(found: Policies, definition: Definition) -> Block:
    """Every method under every mask policy, with the change against the mask as given."""
    cells = {key[1:]: cell for key, cell in found.cells.items() if key[0] == definition.id}
    unit = scale(definition, [cell.mean for cell in cells.values()])
    n = max((cell.mean.n for cell in cells.values()), default=0)
    entries = []
    for method in found.methods:
        row = []
        for name in found.names:
            cell = cells.get((method, name))
            shown = _cell(cell.mean if cell else None, unit, n)
            if cell and cell.change:
                change = _difference(cell.change, unit)
                told = shown.note, f"change {change.text}", change.interval, change.note
                shown = Shown(shown.text, shown.interval, "\n".join(filter(None, told)))
            row.append(shown)
        entries.append(Entry(method, tuple(row)))
    return Block(definition, unit.unit, found.names, (Group("", tuple(entries)),))


def of_pairs(summary: Summary, definition: Definition) -> Block:
    """Each method minus each other one; bold where the row's method is the better one."""
    names = tuple(one.method for one in summary.methods)
    pairs = {key[1:]: one for key, one in summary.differences.items() if key[0] == definition.id}
    unit = scale(definition, [one.mean for one in pairs.values()])
    entries = [Entry(a, tuple(_duel(pairs, a, b, unit) for b in names)) for a in names]
    return Block(definition, unit.unit, names, (Group("", tuple(entries)),))


def of_cases(summary: Summary, definition: Definition, pictures: Fetch) -> list[Cases]:
    """For each method its best and worst removals, with their pictures."""
    found = []
    for one in summary.methods:
        best, worst = choose(summary, definition, one.method)
        if best:
            shown = (tuple(show(case, pictures) for case in cases) for cases in (best, worst))
            found.append(Cases(one.method, *shown))
    return found


def by_picture(summary: Summary, first: Sequence[Definition] = ()) -> list[Definition]:
    """The metrics that have a value for each picture, not one for the whole set. first: those that come first."""
    whole = {metric for (metric, _), cell in summary.cells.items() if cell.whole}
    return [*first, *(one for one in summary.definitions if one.id not in whole and one not in first)]


def drawable(summary: Summary) -> list[Definition]:
    """The metrics of which a plot shows something: a number, not only that all is exact."""
    with_numbers = {metric for (metric, _), cell in summary.cells.items() if cell.mean.value is not None}
    return [one for one in summary.definitions if one.id in with_numbers]


def for_cases(shown: Sequence[Definition]) -> Definition | None:
    """The metric by which cases are chosen: yes or no cannot tell the worst from the second worst."""
    return next((one for one in shown if kind(one) != "rate"), None)


def _rank(id: str, order: Sequence[str]) -> int:
    return next((place for place, start in enumerate(order) if id.startswith(start)), len(order))


def _finite(summary: Summary, definition: Definition) -> bool:
    cells = (summary.cells.get((definition.id, one.method)) for one in summary.methods)
    return any(cell is not None and cell.mean.value is not None and not cell.whole for cell in cells)


def _cell(estimate: Estimate | None, unit: Scale, n: int) -> Shown:
    if estimate is None:
        return Shown(NONE)
    note = ", ".join(filter(None, (exactly(estimate, unit), f"n = {estimate.n}" if estimate.n != n else "")))
    return Shown("exact" if estimate.value is None else unit.text(estimate.value), unit.interval(estimate), note)


def _difference(mean: Estimate, unit: Scale) -> Shown:
    """An infinite difference: one of the two is exact."""
    text = "one of them exact" if mean.value is None else unit.text(mean.value, True)
    return Shown(text, unit.interval(mean, True), exactly(mean, unit, True))


def _duel(pairs: Mapping[tuple[str, ...], Difference], a: str, b: str, unit: Scale) -> Shown:
    """a minus b, whichever way round the pair was stored."""
    if one := pairs.get((a, b)):
        mean, best = one.mean, one.better == "a"
    elif one := pairs.get((b, a)):
        value, low, high, rest = (
            None if end is None else -end for end in (one.mean.value, one.mean.high, one.mean.low, one.mean.rest)
        )
        mean, best = replace(one.mean, value=value, low=low, high=high, rest=rest), one.better == "b"
    else:
        return Shown("" if a == b else NONE)
    shown = _difference(mean, unit)
    return replace(shown, note=", ".join(filter(None, (shown.note, f"n = {mean.n}"))), best=best)
