"""What goes into a round, brought together: sets, what people said, what the judge said; and whether it fits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.auto_label.answers import Answer, read_answers
from data_tools.round.choosing import GENERATED, LABELLED, PREVIOUS
from data_tools.round.index import ITEMS, PHOTOS, Index
from data_tools.round.item import Item
from data_tools.round.judged import Judged, Score
from data_tools.round.people import Answers, add
from data_tools.round.sets import Opened, open_input
from data_tools.round.settings import EDITION, Settings
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.triplet.record import sha256

KEPT_OUT = "keep_out"


@dataclass(frozen=True)
class Inputs:
    """What a round is made of, in the order in which it goes by. previous, generated, keep_out: names of sets, as
    `open_set` takes them; keep_out: evaluation sets. labelled: data sets of labels. answers: files of answers. scores:
    folders of `auto_label`."""

    previous: Sequence[str] = ()
    generated: Sequence[str] = ()
    labelled: Sequence[str] = ()
    answers: Sequence[Path] = ()
    scores: Sequence[Path] = ()
    keep_out: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raises BadOptions for what can give no round."""
        new = self.generated or self.labelled
        if not (self.previous or new):
            raise BadOptions("There is no set to make a round of.", "Name one with --previous or --generated.")
        if self.generated and not (self.answers or self.scores or self.labelled):
            fix = "Add --answers, --labelled or --scores."
            raise BadOptions("Nothing says which of the generated removals are good.", fix)
        if self.scores and not new:
            raise BadOptions("Scores need the removals that they are about.", "Name them with --generated.")


def open_all(inputs: Inputs, environment: Mapping[str, str]) -> list[Opened]:
    """Previous, generated and labelled ones first, evaluation sets last. Raises BadData, Unavailable, HubTrouble."""
    named = (
        (PREVIOUS, inputs.previous),
        (GENERATED, inputs.generated),
        (LABELLED, inputs.labelled),
        (KEPT_OUT, inputs.keep_out),
    )
    return [open_input(kind, where, environment=environment) for kind, names in named for where in names]


def answers_of(inputs: Inputs, opened: Sequence[Opened], amiss: Tally) -> list[Sequence[Answer]]:
    """Of each data set of labels and of each file; before the long look at all records. Raises BadData."""
    found: list[Sequence[Answer]] = [one.answers for one in opened if one.answers]
    for path in inputs.answers:
        if not path.is_file():
            raise BadData(f"There is no file of answers called {path}.", "`rorem labels export` writes one.")
        answers, bad = read_answers(str(path))
        amiss.join(bad)
        found.append(answers)
    return found


def people_of(sources: Iterable[Sequence[Answer]], items: Sequence[Item], amiss: Tally) -> Answers:
    """What each person said of each removal. Raises BadData for answers none of which is of these."""
    people: Answers = {}
    for some in sources:
        add(people, some, amiss, items)
    return people


def files_of(inputs: Inputs, judged: Sequence[Judged]) -> list[dict[str, object]]:
    """Answers and scores, for the manifest."""
    found: list[dict[str, object]] = [
        {"kind": "answers", "where": str(path), "sha256": sha256(path.read_bytes())} for path in inputs.answers
    ]
    for folder, one in zip(inputs.scores, judged, strict=True):
        found.append({"kind": "scores", "where": str(folder), "sha256": one.sha256, "scores": len(one.scores)})
    return found


def made_with_of(
    opened: Sequence[Opened], files: Sequence[Mapping[str, object]], settings: Settings, max_bytes: int
) -> str:
    """A hash of all that decides what the set becomes; where the inputs lie is no part of it."""
    sets = [[one.kind, one.set_.fingerprint, one.events] for one in opened]
    told = [EDITION, ITEMS.key, PHOTOS.key, settings.told(), max_bytes, sets, [one["sha256"] for one in files]]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def joined(judged: Sequence[Judged]) -> dict[str, Score]:
    """Of all judges; what one of them accepted is accepted, and the higher probability stays."""
    found: dict[str, Score] = {}
    for one in judged:
        for id, score in one.scores.items():
            known = found.get(id)
            if known is None or (score.accepted, score.probability or 0) > (known.accepted, known.probability or 0):
                found[id] = score
    return found


def check_ids(coming: Sequence[tuple[Opened, Index[Item]]], scores: Mapping[str, Score], inputs: Inputs) -> None:
    """Raises BadData for scores that are of other removals."""
    new = {item.id for one, index in coming if one.kind != PREVIOUS for item in index.items}
    unusable = sum(index.bad.total for _, index in coming)
    strange = sum(id not in new for id in scores)
    if strange > unusable:
        where = " and ".join(inputs.generated) or "the data set of labels"
        raise BadData(
            f"{strange:,} of {len(scores):,} scores are of removals that are not in {where}.",
            "Score the removals of just these sets with data_tools.auto_label.",
        )
