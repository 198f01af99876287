"""How removals are made: what a person can choose, and what generate.json says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_tools.parts import SIZE
from rorem.errors import BadOptions
from rorem.version import __version__

if TYPE_CHECKING:
    from rorem.evaluation.makers import ByMethod
    from rorem.triplet import TripletSet

# Raised by whoever changes what the same files and settings give.
EDITION = 2
NAMED = ("input",)  # in generate.json for people: where the set lies and what it is called decides nothing
LARGEST_SEED = 2**32 - 1
LARGEST_PART = 10_000
ROADS = ("same pipeline", "as published")


@dataclass(frozen=True)
class Settings:
    """method: id of the catalog. options: its settings by name. grow: px that the hole reaches beyond the mark, None =
    what suits the method. seed: another one, another set; each record's own is made of it, the photo and the mask.
    size: records in a part, about. seconds: whether the time that a removal took goes into its record; two runs are
    then no longer equal to the byte.

    Raises BadOptions for what is out of range.
    """

    method: str = "patchmatch"
    options: Mapping[str, object] = field(default_factory=dict)
    protocol: str = ROADS[0]
    grow: int | None = None
    seed: int = 0
    size: int = SIZE
    seconds: bool = False

    def __post_init__(self) -> None:
        if self.protocol not in ROADS:
            raise BadOptions(f"There is no protocol called {self.protocol!r}.", f"Choose from: {', '.join(ROADS)}.")
        if not 0 <= self.seed <= LARGEST_SEED:
            raise BadOptions(f"A seed is a whole number from 0 to {LARGEST_SEED}.", "Choose another one.")
        if self.grow is not None and self.grow < 0:
            raise BadOptions("The hole cannot reach less far than the mark.", "Use 0 or more.")
        if not 1 <= self.size <= LARGEST_PART:
            raise BadOptions(f"A part holds 1 to {LARGEST_PART} records.", "200 suits most sets.")

    def maker(self) -> ByMethod:
        """Nothing is loaded yet. Raises BadOptions, and Unavailable for a method that there is not."""
        from rorem.evaluation.makers import ByMethod

        road = "same pipeline" if self.protocol == ROADS[0] else "as published"
        return ByMethod(self.method, self.options, road, self.grow)

    def told(self, set_: TripletSet, maker: ByMethod) -> dict[str, object]:
        """For generate.json: all that decides what the shards hold, and beside it what is in NAMED."""
        return {
            "method": maker.id,
            "revision": maker.revision,
            "options": json.loads(maker.options),
            "protocol": maker.protocol,
            "grow": self.grow,
            "seed": self.seed,
            "input": set_.name,
            "input_revision": set_.revision,
            "input_fingerprint": set_.fingerprint,
            "candidates": len(set_),
            "part_size": self.size,
            "seconds": self.seconds,
            "rorem": __version__,
            "edition": EDITION,
        }
