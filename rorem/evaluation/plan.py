"""What a run is to do: everything a person can choose, checked before the first removal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rorem.errors import BadOptions
from rorem.evaluation.makers import GIVEN, ByMethod, FromFolder, Given, Maker
from rorem.evaluation.policies import AS_GIVEN, POLICIES
from rorem.metrics import Metric, SetMetric, catalog
from rorem.remover import SAME_PIPELINE, Road

LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Plan:
    """A benchmark.

    methods: ids of the catalog, and `given` for results that came with the set. seeds: each is a removal of its own;
    methods that know only one result are run with the first. policies: how masks are changed; see
    `rorem.evaluation.policies`. settings: by method, then by name. grow: px, None = what suits each method.
    metrics: ids, None = all. results: folders of pictures that were made elsewhere, by the name they go by.
    answers: a file with people's yes and no; see `rorem.evaluation.answers`.
    """

    methods: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    protocol: Road = SAME_PIPELINE
    policies: tuple[str, ...] = (AS_GIVEN,)
    settings: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    grow: int | None = None
    metrics: tuple[str, ...] | None = None
    results: Mapping[str, Path] = field(default_factory=dict)
    answers: Path | None = None

    def check(self) -> None:
        """Raises BadOptions in one sentence for the first thing that is wrong."""
        if not self.methods and not self.results:
            raise BadOptions("No method was named.", "Name some with --methods, such as patchmatch,telea.")
        for what, chosen in (("method", self.methods), ("seed", self.seeds), ("mask policy", self.policies)):
            if twice := next((one for one in chosen if chosen.count(one) > 1), None):  # type: ignore[arg-type]
                raise BadOptions(f"The {what} {twice} was named twice.", "Name each once.")
        if not self.seeds or any(not 0 <= seed <= LARGEST_SEED for seed in self.seeds):
            raise BadOptions(f"Seeds are whole numbers from 0 to {LARGEST_SEED}.", "Use --seeds 0,1,2.")
        if unknown := [one for one in self.policies if one not in POLICIES]:
            raise BadOptions(f"There is no mask policy {unknown[0]!r}.", f"Choose from: {', '.join(POLICIES)}.")
        if strangers := [one for one in self.settings if one not in self.methods]:
            raise BadOptions(f"There are settings for {strangers[0]}, which is not run.", "Add it to the methods.")
        for id in self.metrics or ():
            catalog.find(id)

    def makers(self) -> list[Maker]:
        """Raises BadOptions for settings that a method does not take, Unavailable for an unknown method."""
        by_name: list[Maker] = [
            Given() if id == GIVEN else ByMethod(id, self.settings.get(id, {}), self.protocol, self.grow)
            for id in self.methods
        ]
        return by_name + [FromFolder(id, folder) for id, folder in self.results.items()]

    def measured(self) -> tuple[list[Metric | SetMetric], dict[str, str]]:
        """The metrics that can be measured here, and for each other one that was wanted the reason why not."""
        every: Sequence[Metric | SetMetric] = (*catalog.METRICS, *catalog.SET_METRICS)
        wanted = [one for one in every if self.metrics is None or one.id in self.metrics]
        left_out = {one.id: why for one in wanted if (why := catalog.obstacle(one))}
        return [one for one in wanted if one.id not in left_out], left_out

    def seeds_of(self, maker: Maker) -> tuple[int, ...]:
        return self.seeds if maker.seeded else self.seeds[:1]

    def policies_of(self, maker: Maker) -> tuple[str, ...]:
        return self.policies if maker.masked else (AS_GIVEN,)
