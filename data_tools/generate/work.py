"""The removals of one part: the same function on this machine and on any other."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from data_tools.engine.deaths import CALM, Care
from data_tools.fitting import check_fits
from data_tools.generate.part_files import Failure, Outcome, commit, file_of, outcome_of, write_note
from data_tools.generate.settings import NAMED, Settings
from data_tools.parts import Part, seed_of
from rorem.errors import (
    BadData,
    BadMask,
    BadPicture,
    BadWeights,
    Cancelled,
    MissingWeights,
    OutOfMemory,
    RoremError,
    Unavailable,
)
from rorem.evaluation.makers import ByMethod
from rorem.evaluation.removals import SECONDS, removal
from rorem.triplet import Triplet, TripletSet, open_set, open_shards

logger = logging.getLogger(__name__)
NOT_OF_THE_RECORD = (BadWeights, Cancelled, MissingWeights, Unavailable)  # these end the run
KINDS = {
    BadPicture: "photos that cannot be opened",
    BadMask: "masks that cannot be used",
    BadData: "records that cannot be read or written",
    OutOfMemory: "removals that did not fit into memory",
}
FAILED = "removals that failed"
DEADLY = "records that ended the program which worked on them"


@dataclass(frozen=True)
class MakeWork:
    """Makes the function that does a part; travels to other machines. name: of the set, as `open_set` takes it.
    told: what generate.json says, which has to be true wherever it is made. retry: parts with failures are done again.
    here: the set, if it is open already, and on_record, which is called after each; both stay behind."""

    name: str
    out: Path
    settings: Settings
    told: Mapping[str, object]
    retry: bool = False
    here: TripletSet | None = field(default=None, compare=False)
    on_record: Callable[[], None] | None = field(default=None, compare=False)

    def __call__(self) -> Work:
        """Raises BadData for another set or other weights than generate.json tells, and what `open_set` raises."""
        set_ = self.here or open_set(self.name)
        maker = self.settings.maker()
        for key, value in self.settings.told(set_, maker).items():
            if key not in NAMED and value != self.told[key]:
                what = f"{key.replace('_', ' ')} is {str(value)[:80]}, not {str(self.told[key])[:80]}"
                raise BadData(f"A worker's machine is not like the others: {what}.", "Make it like them.")
        return Work(set_, maker, self)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "here": None, "on_record": None}


class Work:
    """Holds the set and the method, which is loaded at the first removal."""

    def __init__(self, set_: TripletSet, maker: ByMethod, how: MakeWork) -> None:
        self._set, self._maker, self._how = set_, maker, how

    def __call__(self, part: Part) -> Outcome:
        return self.carefully(part, CALM)

    def carefully(self, part: Part, care: Care) -> Outcome:
        """Does a part, unless it is done. A record that fails is noted and the others go on.

        Raises OSError where nothing can be written, and what would befall every record: MissingWeights, BadWeights,
        Unavailable.
        """
        out, before = self._how.out, outcome_of(self._how.out, part)
        if before and not (self._how.retry and before.failed):
            return before
        started = time.perf_counter()
        kept = _Kept(file_of(out, part), before)
        failed, seconds = list[Failure](), list[float]()
        size, digest = commit(out, part, self._removals(part, care, kept, failed, seconds))
        wall = round(time.perf_counter() - started, 3)
        outcome = Outcome(part.name, len(seconds), size, digest, tuple(failed), tuple(seconds), wall)
        write_note(out, part, outcome)
        return outcome

    def _removals(
        self, part: Part, care: Care, kept: _Kept, failed: list[Failure], seconds: list[float]
    ) -> Iterator[Triplet]:
        """In the order of the set, whatever the order of the work."""
        for index in sorted(part.indices):
            name = self._set.names[index]
            found = kept.get(name)
            if found is None and index in care.fatal:
                found = Failure(
                    name, DEADLY, "Several workers have died of it without a word; perhaps memory is short."
                )
            elif found is None:
                care.trying(index)
                found = self._removal(index, name)
            if isinstance(found, Failure):
                failed.append(found)
            else:
                triplet, took = found
                seconds.append(took)
                yield triplet
            if self._how.on_record:
                self._how.on_record()

    def _removal(self, index: int, name: str) -> tuple[Triplet, float] | Failure:
        """With the seconds that it took."""
        try:
            triplet = self._set[index]  # its name depends on the order of the set if several are called alike
            made = removal(self._maker, triplet, seed_of(triplet.sample, self._how.settings.seed))
            took = float(str(made.extra[SECONDS]))
            if not self._how.settings.seconds:
                made = replace(made, extra={key: value for key, value in made.extra.items() if key != SECONDS})
            check_fits(made)
            return made, took
        except NOT_OF_THE_RECORD:
            raise
        except RoremError as error:
            return Failure(name, KINDS.get(type(error), FAILED), error.advice)
        except MemoryError:
            return Failure(name, KINDS[OutOfMemory], "There was not enough memory for this photo.")
        except Exception as error:  # a fault of ours in one record must not cost the others
            logger.exception("The removal of %s failed in a way that was not foreseen", name)
            return Failure(name, FAILED, f"It failed in a way that was not foreseen ({error!r}).")


class _Kept:
    """The removals that an earlier run made of a part; nothing if there was none, or if they cannot be read."""

    def __init__(self, file: Path, before: Outcome | None) -> None:
        self._set: TripletSet | None = None
        self._at: dict[str, int] = {}
        if before and before.made:
            with suppress(BadData, OSError):
                self._set = open_shards([file], file.stem)
                self._at = {name: index for index, name in enumerate(self._set.names)}
        self._seconds = before.seconds if before else ()

    def get(self, name: str) -> tuple[Triplet, float] | None:
        if self._set is None or name not in self._at:
            return None
        try:
            return self._set[self._at[name]], self._seconds[self._at[name]]
        except BadData:
            return None
