"""Which layer of a photo is removed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_tools.mulan.captions import Said, category_of
from data_tools.parts import seed_of
from rorem.errors import BadOptions

LARGEST, EACH, RANDOM = "largest", "each", "random"
WAYS = (LARGEST, EACH, RANDOM)


@dataclass(frozen=True)
class Choice:
    """How layers are chosen and what makes a mask.

    way: the largest, each in a pair of its own, or one by chance. categories: only layers of these; none = of any.
    threshold: coverage, 0 to 1, from which a pixel belongs to the thing. smallest: share of the picture below which a
    part that stands alone is a speck. least, most: share of the picture that the mask has to have before it is grown.
    margin: px that the mask reaches beyond the thing. Raises BadOptions for what makes no sense.
    """

    way: str = LARGEST
    categories: tuple[str, ...] = ()
    seed: int = 0
    threshold: float = 0.05
    smallest: float = 0.0002
    least: float = 0.002
    most: float = 0.7
    margin: int = 2

    def __post_init__(self) -> None:
        if self.way not in WAYS:
            raise BadOptions(f"There is no way {self.way!r} to choose a layer.", f"Choose from {', '.join(WAYS)}.")
        if not all(0 <= share <= 1 for share in (self.threshold, self.smallest, self.least, self.most)):
            raise BadOptions("Shares go from 0 to 1.", "0.05 is one twentieth.")
        if self.least >= self.most:
            raise BadOptions("The least share is below the most.", "Give other ones.")
        if self.seed < 0 or not 0 <= self.margin <= 200:
            raise BadOptions("A seed is 0 or more, and a margin 0 to 200 pixels.", "Give other ones.")


def chosen(name: str, areas: Mapping[int, int], choice: Choice) -> list[int]:
    """The numbers of the layers that are removed, of those that can be. areas: px that are seen of each."""
    if not areas or choice.way == EACH:
        return sorted(areas)
    if choice.way == RANDOM:
        numbers = sorted(areas)
        return [numbers[int(np.random.default_rng(seed_of(name, choice.seed)).integers(len(numbers)))]]
    return [max(sorted(areas), key=lambda number: areas[number])]


def is_of(said: Said, categories: Sequence[str]) -> bool:
    """Whether a layer is of one of the categories: its own or, where none is told, a word of its captions."""
    wanted = {category.casefold() for category in categories}
    if not wanted:
        return True
    if category := category_of(said):
        return category.casefold() in wanted
    text = " ".join(said.values()).casefold()
    return any(re.search(rf"\b{re.escape(category)}\b", text) for category in wanted)
