"""Filling the store with items: the removals of a set of triplets, and pairs with exact truth as checks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from rorem.errors import BadData, RoremError
from rorem.labels.items import add_items, keep_picture, row_of
from rorem.labels.plan import Plan
from rorem.labels.store import Store
from rorem.labels.tables import facts
from rorem.picture.formats import sniff
from rorem.triplet import Triplet, TripletSet, open_set

OnItem = Callable[[int, int], None]  # how many records are done, of how many
OnProgress = Callable[[str, int, int], None]  # the set's name, and the same
AT_ONCE = 200  # items written together
TOLD = 5  # records that are named with what is wrong with them; the others are counted
SECONDS = "removal_seconds"  # what a record's `extra` calls the time that its removal took
TRUTH, UNTOUCHED = "truth", "untouched"  # the method of gold items: what is right for sure, and what is wrong for sure
NO_RESULT = "it has no removal to judge"
NO_TRUTH = "it has no truth"


@dataclass(frozen=True)
class Filled:
    """What became of a set. added: items that are new. there: items that were there before. skipped: records that give
    none. notes: sentences on some of those. unchanged: the set was filled in before, so nothing was read."""

    name: str
    added: int = 0
    there: int = 0
    skipped: int = 0
    notes: tuple[str, ...] = ()
    unchanged: bool = False


def fill(
    store: Store,
    plan: Plan,
    names: Iterable[str],
    on_progress: OnProgress = lambda name, done, total: None,
    opener: Callable[[str], TripletSet] = open_set,
) -> list[Filled]:
    """Adds the removals of sets by their names, see `open_set`. One that cannot be opened is told in its notes.

    A set that is as it was when it was filled in before is not read again. on_progress may raise, to stop; what was
    added stays. Raises CannotSave.
    """
    done = []
    for name in names:
        try:
            told = opener(name)
            done.append(add_set(store, plan, told, name, lambda at, total, name=name: on_progress(name, at, total)))
        except BadData as error:
            done.append(Filled(name, notes=(error.advice,)))
    return done


def add_set(
    store: Store, plan: Plan, told: TripletSet, name: str, on_item: OnItem = lambda done, total: None
) -> Filled:
    """Adds the removals of a set, a record each. Its pictures stay where they are; name: by which it is opened again.

    Records without a result, with a mask that cannot be read, and bad ones are skipped. `extra["removal_seconds"]` of a
    record, if it is a number, becomes known of the item. Raises CannotSave, BadData from the set's fingerprint.
    """

    def rows(triplet: Triplet, place: int, origin: str, seed: int) -> list[dict[str, Any]]:
        if triplet.result is None:
            raise BadData(NO_RESULT)
        share = mask_share(triplet)
        seconds = _seconds(triplet)
        return [_row(triplet, plan, seed, share, origin=origin, place=place, removal_seconds=seconds)]

    return _fill(store, told, name, "", rows, on_item)


def add_gold(
    store: Store, plan: Plan, told: TripletSet, name: str, on_item: OnItem = lambda done, total: None
) -> Filled:
    """Adds two checks for each record with a truth: the truth itself is a sure yes, the untouched photo a sure no.

    What is shown as their result is kept in the store's folder. Raises CannotSave, OSError, BadData.
    """

    def rows(triplet: Triplet, place: int, origin: str, seed: int) -> list[dict[str, Any]]:
        if triplet.truth is None:
            raise BadData(NO_TRUTH)
        share = mask_share(triplet)
        sure = [(triplet.truth, TRUTH, "yes")]
        if triplet.truth != triplet.source:
            sure.append((triplet.source, UNTOUCHED, "no"))
        found = []
        for result, method, answer in sure:
            keep_picture(store.pictures, result)
            made = replace(triplet, result=result, method=method, revision="", options="{}", protocol="", seed=0)
            made = replace(made, network_calls=0)
            found.append(_row(made, plan, seed, share, origin=origin, place=place, gold=answer))
        return found

    return _fill(store, told, name, "gold", rows, on_item)


def mask_share(triplet: Triplet) -> float:
    """The mask's share of the photo's area, 0 to 1. White means remove. Raises BadPicture, BadMask."""
    from rorem.mask_file import read_mask
    from rorem.picture import open_picture

    mask = open_picture(triplet.mask)
    return float(read_mask(triplet.mask, mask.width, mask.height, polarity="white").mask.mean())


def origin_of(told: TripletSet, name: str) -> str:
    """The name by which a set can be opened from any folder; one on the Hub at the commit that was read."""
    if told.revision:
        return f"{name.partition('@')[0]}@{told.revision}"
    return str(Path(name).expanduser().absolute())


def _row(triplet: Triplet, plan: Plan, seed: int, share: float, **more: Any) -> dict[str, Any]:
    if sniff(triplet.result or b"") is None:
        raise BadData("its result is no picture")
    return row_of(triplet, plan, seed, int(time.time() * 1000), mask_share=share, **more)


def _fill(
    store: Store,
    told: TripletSet,
    name: str,
    kind: str,
    rows_of: Callable[[Triplet, int, str, int], list[dict[str, Any]]],
    on_item: OnItem,
) -> Filled:
    origin = origin_of(told, name)
    mark = _mark(origin, told.fingerprint, kind)
    if store.read(lambda connection: connection.scalar(select(facts.c.value).where(facts.c.name == mark))):
        return Filled(name, unchanged=True)
    seed, total = store.order_seed(), len(told)
    added = there = skipped = 0
    notes: list[str] = []
    batch: list[dict[str, Any]] = []
    for place, found in enumerate(_guarded(told, lambda one, at: rows_of(one, at, origin, seed))):
        if isinstance(found, str):
            skipped += 1
            if len(notes) < TOLD:
                notes.append(found)
        else:
            batch += found
        if len(batch) >= AT_ONCE or place == total - 1:
            new = store.write(lambda connection, batch=batch: add_items(connection, batch))
            added, there, batch = added + new, there + len(batch) - new, []
        on_item(place + 1, total)
    store.write(lambda connection: _remember(connection, mark, origin))
    if skipped > len(notes):
        notes.append(f"{skipped - len(notes)} more records were left out.")
    return Filled(name, added, there, skipped, tuple(notes))


def _guarded(
    told: TripletSet, rows_of: Callable[[Triplet, int], list[dict[str, Any]]]
) -> Iterator[list[dict[str, Any]] | str]:
    """The rows of each record, or a sentence on why it has none."""
    for place, (name, triplet) in enumerate(zip(told.names, told, strict=True)):
        if isinstance(triplet, BadData):
            yield str(triplet)
            continue
        try:
            yield rows_of(triplet, place)
        except RoremError as error:
            yield f"{name[:80]}: {error}"


def _seconds(triplet: Triplet) -> float | None:
    told = triplet.extra.get(SECONDS)
    good = isinstance(told, (int, float)) and not isinstance(told, bool) and 0 <= told < float("inf")
    return float(told) if good else None  # type: ignore[arg-type]


def _mark(origin: str, fingerprint: str, kind: str) -> str:
    """The name of the fact that a set was filled in: 31 signs."""
    return f"filled {hashlib.sha256(f'{kind} {origin} {fingerprint}'.encode()).hexdigest()[:24]}"


def _remember(connection: Connection, mark: str, origin: str) -> None:
    if connection.scalar(select(facts.c.value).where(facts.c.name == mark)) is None:
        connection.execute(insert(facts).values(name=mark, value=origin))
