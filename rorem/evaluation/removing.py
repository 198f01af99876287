"""The first half of a run: every removal that is not there yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

from rorem.errors import BadData, Cancelled, OutOfMemory, RoremError
from rorem.evaluation.makers import Made, Maker
from rorem.evaluation.plan import Plan
from rorem.evaluation.policies import POLICIES
from rorem.evaluation.samples import Sample, content_of, decode
from rorem.evaluation.store import Place, Record, Store
from rorem.remover import no_step
from rorem.triplet.record import Triplet, sha256
from rorem.triplet.sets import TripletSet

logger = logging.getLogger(__name__)
OnCell = Callable[[int, int, str], None]  # how many are done, of how many, and what is being worked on


@dataclass(frozen=True)
class Job:
    """One removal to make. index: of the sample in its set. sample: hash of its source and mask, for the rows."""

    maker: Maker
    index: int
    sample: str
    place: Place


@dataclass(frozen=True)
class Identity:
    """A sample of a set. sample: hash of source and mask, the same wherever they lie. content: of all that numbers may
    depend on, truth and given result included: what was kept for other content is not taken up."""

    index: int
    sample: str
    content: str


class Readings:
    """The samples of a set, decoded when they are asked for. The last one is kept: several jobs in a row want it."""

    def __init__(self, samples: TripletSet) -> None:
        self._set = samples
        self._last: tuple[int, Sample | RoremError] | None = None

    def triplet(self, index: int) -> Triplet | RoremError:
        try:
            return self._set[index]
        except RoremError as error:
            return error
        except OSError as error:
            return BadData(f"{self._set.names[index]} could not be read: {(error.strerror or str(error)).lower()}.")

    def identity(self, index: int) -> Identity:
        """Of a record that cannot be read, one made of its name."""
        triplet = self.triplet(index)
        if isinstance(triplet, Triplet):
            return Identity(index, triplet.sample, content_of(triplet))
        unreadable = sha256(f"unreadable {self._set.names[index]}".encode())
        return Identity(index, unreadable, unreadable)

    def name(self, index: int) -> str:
        return self._set.names[index]

    def sample(self, index: int) -> Sample:
        """Raises RoremError for one that cannot be read."""
        if self._last is None or self._last[0] != index:
            self._last = index, self._decoded(index)
        if isinstance(self._last[1], RoremError):
            raise self._last[1]
        return self._last[1]

    def _decoded(self, index: int) -> Sample | RoremError:
        triplet = self.triplet(index)
        if isinstance(triplet, RoremError):
            return triplet
        try:
            return decode(triplet)
        except RoremError as error:
            return error


def jobs(plan: Plan, makers: Sequence[Maker], samples: Sequence[Identity]) -> Iterator[Job]:
    """All removals of these samples: method by method, so that a loaded one stays loaded."""
    for maker in makers:
        key = maker.key
        for one, policy, seed in product(samples, plan.policies_of(maker), plan.seeds_of(maker)):
            yield Job(maker, one.index, one.sample, Place(maker.id, key, policy, seed, one.content))


def remove_all(todo: Sequence[Job], readings: Readings, store: Store, on_cell: OnCell) -> None:
    """Makes what is not there yet. A failure is kept with its sentence, and tried again by the next run.

    Raises Cancelled from `on_cell`, and OSError where nothing can be written.
    """
    for done, job in enumerate(todo):
        if done and job.maker is not todo[done - 1].maker:
            todo[done - 1].maker.release()
        on_cell(done, len(todo), f"{job.maker.id}, {readings.name(job.index)}")
        before = store.record(job.place)
        if before is not None and not before.error:
            continue
        remove_one(job, readings, store)
    on_cell(len(todo), len(todo), "")


def remove_one(job: Job, readings: Readings, store: Store) -> None:
    """Makes one removal, whatever is there. Raises Cancelled, and OSError where nothing can be written."""
    maker, place = job.maker, job.place
    name = readings.name(job.index)
    record = Record(name, revision=maker.revision, options=maker.options)
    try:
        sample = readings.sample(job.index)
        record = replace(
            record,
            category=sample.category,
            objects=sample.objects,
            occluded=sample.occluded,
            mask_share=sample.mask_share,
        )
        made = maker.make(sample, POLICIES[place.policy](sample), place.seed, no_step)
    except Cancelled:
        raise
    except RoremError as error:
        store.keep(place, _failed(record, error), None, None)
    except MemoryError:
        error = OutOfMemory("There was not enough memory for this photo.")
        store.keep(place, _failed(record, error), None, None)
    except Exception as error:  # a fault of ours in one photo must not cost the other thousand
        logger.exception("%s failed on %s in a way that was not foreseen", maker.id, name)
        unforeseen = RoremError(f"{maker.id} failed in a way that was not foreseen ({error!r}).")
        store.keep(place, _failed(record, unforeseen), None, None)
    else:
        store.keep(place, _done(record, made), made.picture, made.hole)


def _failed(record: Record, error: RoremError) -> Record:
    return replace(record, error=error.advice)


def _done(record: Record, made: Made) -> Record:
    told = dict(made.told)
    options = str(told.pop("options", record.options))
    return replace(record, facts=made.facts, told=told, options=options)
