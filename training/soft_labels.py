"""What people say of removals, as targets: from the label store, its data set or its exports, or from the records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rorem.errors import BadData, BadOptions
from rorem.labels.aggregation import JUDGED, posterior
from rorem.labels.current import current
from rorem.labels.dataset import fetch
from rorem.labels.event import JUDGEMENT, Event, from_record
from rorem.labels.record_files import JSONL, PARQUET, read_records
from rorem.labels.shards import EVENTS, FOLDERS, ITEMS, read_events, told_by
from rorem.triplet import Triplet
from training.data import Label, label_of

Verdicts = Literal["share", "model"]
SCHEME, SQLITE = "://", "sqlite:///"  # of a database's address
EXPORT = "Write them to a file: `rorem labels export labels.jsonl`."
FIX = "Name a data set of labels, a file of `rorem labels export` (.jsonl or .parquet), or sqlite:///FILE."


@dataclass(frozen=True)
class Opinion:
    """Of a removal. p_yes: how likely a yes is, 0 to 1. votes: answers that say yes or no, 1 where nobody knows."""

    p_yes: float
    votes: int


@dataclass(frozen=True, eq=False)
class Labels:
    """A label for each record; may be handed to other processes.

    said: opinions by `Triplet.id`; None: what the records say of themselves. typical: votes that make a weight of 1; 0
    where all count alike.
    """

    said: Mapping[str, Opinion] | None = None
    typical: float = 0.0

    def opinion(self, triplet: Triplet) -> Opinion | None:
        """None where nobody has said anything, and for a record without a removal."""
        if triplet.result is None:
            return None
        if self.said is not None:
            return self.said.get(triplet.id)
        told = label_of(triplet)
        return None if told is None else Opinion(told.score, triplet.votes_yes + triplet.votes_no or 1)

    def __call__(self, triplet: Triplet) -> Label | None:
        """For `training.data.DataSource`."""
        told = self.opinion(triplet)
        return None if told is None else Label(told.p_yes, told.votes / self.typical if self.typical else 1.0)


def read_opinions(places: Sequence[str], verdicts: Verdicts, public: bool = False) -> dict[str, Opinion]:
    """By removal. places: see `events_of`; the same event may be in several. verdicts, public: see `opinions`.

    Raises BadData for a place without answers, BadOptions, Unavailable, HubTrouble, CannotSave.
    """
    every = {event.event: event for place in places for event in events_of(place)}
    return opinions(every.values(), verdicts, public)


def opinions(events: Iterable[Event], verdicts: Verdicts, public: bool = False) -> dict[str, Opinion]:
    """What holds after these events: answers taken back, hidden repeats and those to gold items are out.

    verdicts: `share`, of yes among all that say yes or no; `model`, the posterior of Dawid and Skene (1979). public:
    visitors on their own removals count, too. Raises Unavailable without crowd-kit.
    """
    told = current(sorted((one for one in events if one.kind == JUDGEMENT), key=lambda one: one.at))
    answers = [one for one in (*told.answers, *(told.public if public else ())) if one.verdict in JUDGED]
    votes: dict[str, list[int]] = {}
    for one in answers:
        votes.setdefault(one.item, []).append(int(one.verdict == "yes"))
    weighed = posterior(answers) if verdicts == "model" else {}
    return {item: Opinion(weighed.get(item, sum(some) / len(some)), len(some)) for item, some in votes.items()}


def events_of(place: str) -> Iterator[Event]:
    """Every event of a data set of labels (a folder with events/, or owner/name), of an export, or of a store's file.

    Raises BadData, BadOptions, Unavailable, HubTrouble, CannotSave.
    """
    if SCHEME in place:
        yield from _of_store(place)
        return
    path = Path(place).expanduser()
    if path.is_file():
        if path.suffix.lower() not in (JSONL, PARQUET):
            raise BadData(f"{path} holds no labels.", FIX)
        yield from map(from_record, read_records(path))
        return
    files = _shards(path if path.is_dir() else fetch(place), EVENTS)
    if not files:
        raise BadData(f"{place} holds no answers of people.", FIX)
    for file in files:
        yield from read_events(file)


def removals_of(places: Sequence[str]) -> tuple[str, ...]:
    """The sets of removals that lie beside the answers in data sets of labels, for `Sets`. Raises as `events_of`."""
    folders = [path if (path := Path(place).expanduser()).is_dir() else fetch(place)
               for place in places if SCHEME not in place and not Path(place).expanduser().is_file()]  # fmt: skip
    return tuple(str(folder / FOLDERS[ITEMS]) for folder in folders if _shards(folder, ITEMS))


def fingerprint(said: Mapping[str, Opinion]) -> str:
    """Changes when an opinion does: hex, 64 digits."""
    rows = [[item, one.p_yes, one.votes] for item, one in sorted(said.items())]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _of_store(address: str) -> Iterator[Event]:
    """Of a SQLite file. Other addresses may hold a password, and a run's settings are kept and published."""
    from rorem.labels.store import Store

    if not address.startswith(SQLITE):
        raise BadOptions("Labels are not read from a database at another place than this machine.", EXPORT)
    if not Path(address.removeprefix(SQLITE)).is_file():
        raise BadData(f"There is no database {address.removeprefix(SQLITE)}.", FIX)  # else an empty one would be made
    store = Store(address, Path())
    try:
        yield from (event for _, event in store.events())
    finally:
        store.close()


def _shards(folder: Path, kind: str) -> list[Path]:
    inside = (folder / FOLDERS[kind]).glob(f"{kind}-*.parquet")
    return sorted(path for path in inside if told_by(f"{FOLDERS[kind]}/{path.name}"))
