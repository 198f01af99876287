"""What is to be compared, and one method's part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rorem.errors import RoremError
from rorem.methods import catalog
from rorem.remover import SAME_PIPELINE, Removal, Road


@dataclass(frozen=True)
class Request:
    """Several methods on one photo and one mask.

    methods: ids of the catalog. seed: the same for all. settings: by method, the values that are not its defaults, by
    name. grow: px the hole reaches beyond the mark, None = what suits each method. order_seed: of the order in which
    results are shown where their names are hidden (`rorem.comparison.blind`); None = in the order of `methods`.
    dealt: where only a part of an earlier comparison is run again, all of its methods: letters are dealt to all, so
    that each keeps its own. Empty = `methods`.
    """

    methods: tuple[str, ...]
    seed: int = 0
    protocol: Road = SAME_PIPELINE
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    grow: int | None = None
    order_seed: int | None = None
    dealt: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Cell:
    """What one method made of the photo, or the error in its place.

    metrics: by id of the catalog of metrics; infinite where it says that two pictures are equal.
    left_out: by id (`judge` for the judge), why something was not measured, one plain sentence each.
    """

    method: str
    title: str
    removal: Removal | None = None
    error: RoremError | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """Wall time of the removal alone, without loading, judging and measuring."""
        return self.removal and self.removal.seconds

    @property
    def network_calls(self) -> int | None:
        """Forward passes of the denoiser or generator; 0 for methods without a network."""
        return self.removal and self.removal.network_calls

    @property
    def working(self) -> tuple[tuple[int, int], ...]:
        """Width and height in px that the method worked at, each size once."""
        return tuple(dict.fromkeys(window.working for window in self.removal.windows)) if self.removal else ()

    @property
    def peak_memory(self) -> int | None:
        """Bytes, of the whole process; other methods that are kept loaded count too."""
        return self.removal and self.removal.peak_memory

    @property
    def score(self) -> float | None:
        """Of the judge; None where it was not asked."""
        return self.removal and self.removal.score

    @property
    def notes(self) -> tuple[str, ...]:
        """Plain sentences on what was guessed or could not be done as asked."""
        return self.removal.notes if self.removal else ()


def title_of(method: str) -> str:
    """The catalog's title; of a method that is not in it, its id."""
    return next((entry.title for entry in catalog.ENTRIES if entry.id == method), method)
