"""Parts of a run: by the size of the mask, by what the pictures show, and by how the mask was changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rorem.evaluation.estimates import Definition, Estimate, defined, estimates, kind, mean_changes
from rorem.evaluation.grid import Grid, Photo, grid
from rorem.evaluation.policies import AS_GIVEN, POLICIES
from rorem.evaluation.rows import Row
from rorem.evaluation.summary import Summary
from rorem.evaluation.wording import percent
from rorem.metrics.intervals import differences

TENTHS = 10
FEWEST_OF_SIZE = 3  # pictures; small sets are divided into fewer parts than ten
FEWEST_OF_CATEGORY = 5  # pictures; a category with fewer says nothing by itself
MOST_CATEGORIES = 12
OTHER, UNNAMED = "other", "no category"
BY_SIZE = "Size of the mask"


@dataclass(frozen=True, eq=False)
class Slice:
    """Some of the pictures. members: int64 (n,), indices into the grid's photos. middle: median share of the mask, 0 to
    1. cells: (metric id, method) -> Estimate."""

    label: str
    members: np.ndarray
    middle: float
    cells: Mapping[tuple[str, str], Estimate]


@dataclass(frozen=True, eq=False)
class Cut:
    """One way to divide the pictures. Each picture is in one slice; only such with a known answer are in any."""

    title: str
    slices: tuple[Slice, ...]


@dataclass(frozen=True)
class PolicyCell:
    """One method in one metric under one mask policy. change: against the mask as given, on the pictures of both."""

    mean: Estimate
    change: Estimate | None


@dataclass(frozen=True, eq=False)
class Policies:
    """The robustness grid. cells: (metric id, method, policy) -> PolicyCell."""

    names: tuple[str, ...]
    methods: tuple[str, ...]
    definitions: tuple[Definition, ...]
    cells: Mapping[tuple[str, str, str], PolicyCell]


def cuts(summary: Summary, seed: int = 0) -> list[Cut]:
    """All ways to divide the pictures that give more than one slice."""
    photos = summary.grid.photos
    groups = [
        (BY_SIZE, by_size(photos)),
        ("Things to remove", by_answer(photos, lambda one: "several at once" if one.objects > 1 else "one")),
        ("Something stands before the thing", by_answer(photos, _hidden)),
        ("Category", by_category(photos)),
    ]
    return [
        Cut(title, tuple(_slice(summary, label, members, seed) for label, members in found.items()))
        for title, found in groups
        if len(found) > 1
    ]


def by_size(photos: Sequence[Photo]) -> dict[str, np.ndarray]:
    """Tenths by rank, the smallest masks first, called after their edges; with few pictures fewer and larger parts."""
    order = np.array(sorted(range(len(photos)), key=lambda one: (photos[one].mask_share, photos[one].sample)), np.int64)
    parts = max(1, min(TENTHS, len(order) // FEWEST_OF_SIZE))
    return {
        _edges(photos[members[0]], photos[members[-1]], number, parts): members
        for number, members in enumerate(np.array_split(order, parts), start=1)
        if len(members)
    }


def _edges(first: Photo, last: Photo, number: int, parts: int) -> str:
    low, high = percent(first.mask_share), percent(last.mask_share)
    return f"{number} of {parts}: " + (f"{low.removesuffix(' %')} to {high}" if low != high else low)


def by_category(photos: Sequence[Photo]) -> dict[str, np.ndarray]:
    """The largest categories, most pictures first; what is rarer is "other"."""
    names = [photo.category or UNNAMED for photo in photos]
    counted = Counter(names)
    large = [name for name in counted if counted[name] >= FEWEST_OF_CATEGORY]
    large = sorted(large, key=lambda name: (-counted[name], name))[:MOST_CATEGORIES]
    found = {name: np.array([at for at, one in enumerate(names) if one == name], np.int64) for name in large}
    rest = np.array([at for at, one in enumerate(names) if one not in large], np.int64)
    if len(rest):
        found[OTHER if OTHER not in found else f"{OTHER}, rare ones"] = rest
    return found


def by_answer(photos: Sequence[Photo], answer: Callable[[Photo], str | None]) -> dict[str, np.ndarray]:
    """Pictures with the same answer; None leaves one out."""
    answers = [answer(photo) for photo in photos]
    names = sorted({name for name in answers if name is not None})
    return {name: np.array([at for at, one in enumerate(answers) if one == name], np.int64) for name in names}


def policies(
    rows: Sequence[Row], definitions: Mapping[str, Definition], methods: Sequence[str] = (), seed: int = 0
) -> Policies | None:
    """Every method under every mask policy, or None if the rows hold fewer than two.

    The change against the mask as given is paired, picture by picture, and has a bootstrapped interval.
    """
    order = list(dict.fromkeys([*POLICIES, *sorted({row.policy for row in rows})]))
    grids = {name: grid([row for row in rows if row.policy == name], methods, definitions) for name in order}
    grids = {name: found for name, found in grids.items() if len(found.photos)}
    if len(grids) < 2:
        return None
    known = {metric: defined(definitions, metric) for found in grids.values() for metric in found.metrics}
    cells: dict[tuple[str, str, str], PolicyCell] = {}
    for name, found in grids.items():
        means = _means(found, known, np.arange(len(found.photos)), seed)
        means |= {key: Estimate(value, n=n) for key, (value, n) in found.whole.items()}
        paired_here = name != AS_GIVEN and AS_GIVEN in grids
        changes = _changes(found, grids[AS_GIVEN], seed) if paired_here else {}
        for key, mean in means.items():
            cells[(*key, name)] = PolicyCell(mean, changes.get(key))
    return Policies(
        names=tuple(grids),
        methods=tuple(dict.fromkeys(method for found in grids.values() for method in found.methods)),
        definitions=tuple(one for one in known.values() if any(one.id == metric for metric, _, _ in cells)),
        cells=cells,
    )


def _hidden(photo: Photo) -> str | None:
    return None if photo.occluded is None else "yes" if photo.occluded else "no"


def _slice(summary: Summary, label: str, members: np.ndarray, seed: int) -> Slice:
    photos = summary.grid.photos
    middle = float(np.median([photos[one].mask_share for one in members]))
    known = {one.id: one for one in summary.definitions}
    return Slice(label, members, middle, _means(summary.grid, known, members, seed))


def _means(
    found: Grid, definitions: Mapping[str, Definition], members: np.ndarray, seed: int
) -> dict[tuple[str, str], Estimate]:
    """(metric id, method) -> mean over some photos, of the metrics that are defined."""
    chosen = [m for m, metric in enumerate(found.metrics) if metric in definitions]
    pairs = [(m, method) for m in chosen for method in range(len(found.methods))]
    columns = np.reshape([found.values[method, m][members] for m, method in pairs], (len(pairs), len(members)))
    rates = [kind(definitions[found.metrics[m]]) == "rate" for m, _ in pairs]
    keys = [(found.metrics[m], found.methods[method]) for m, method in pairs]
    return {key: mean for key, mean in zip(keys, estimates(columns, rates, seed), strict=True) if mean.n}


def _changes(found: Grid, given: Grid, seed: int) -> dict[tuple[str, str], Estimate]:
    """(metric id, method) -> mean change on the photos of both grids."""
    place = {photo.sample: number for number, photo in enumerate(given.photos)}
    here = [number for number, photo in enumerate(found.photos) if photo.sample in place]
    there = [place[found.photos[number].sample] for number in here]
    keys = [
        (metric, method)
        for metric in found.metrics
        for method in found.methods
        if metric in given.metrics and method in given.methods
    ]
    columns = [differences(_column(found, *key)[here], _column(given, *key)[there]) for key in keys]
    means = mean_changes(np.reshape(columns, (len(keys), len(here))), seed)
    return {key: mean for key, mean in zip(keys, means, strict=True) if mean.n}


def _column(found: Grid, metric: str, method: str) -> np.ndarray:
    return found.values[found.methods.index(method), found.metrics.index(metric)]
