"""A data set of labels as an input: the removals and the events that say what people think of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from data_tools.round import Inputs, make
from rorem.errors import BadData
from rorem.labels.dataset import read_labelled
from rorem.labels.event import JUDGEMENT, Event, new_id
from rorem.labels.item_record import FIELDS
from rorem.labels.shards import EVENTS, ITEMS, path_of, write_events, write_items
from rorem.triplet import Triplet, open_set
from tests.data_tools.round.sets import ANNA, BORIS, answers, candidate, scores, shards


def labelled(folder: Path, removals: list[Triplet], said: list[Event]) -> str:
    """As `rorem labels push` leaves it on the Hub."""
    by_id = {one.id: one for one in removals}

    def read(row: Any, part: str) -> bytes | None:
        return getattr(by_id[row["id"]], part)

    paths = {ITEMS: folder / path_of(ITEMS, by_id), EVENTS: folder / path_of(EVENTS, [one.event for one in said])}
    for path in paths.values():
        path.parent.mkdir(parents=True)
    write_items(paths[ITEMS], [_row(one) for one in removals], read)
    write_events(paths[EVENTS], said)
    return str(folder)


def _row(one: Triplet) -> dict[str, Any]:
    """Of the table of items."""
    usual: dict[str, Any] = {name: "" if kind == "string" else 0 for name, kind in FIELDS.items()}
    told = {name: getattr(one, name) for name in ("id", "sample", "name", "method", "options", "seed", "round")}
    return {**usual, **told, **one.hashes, "removal_seconds": None, "yes": 0, "no": 0}


def event(one: Triplet, annotator: str, verdict: str, at: int, **fields: Any) -> Event:
    return Event(new_id(), JUDGEMENT, annotator, verdict, one.id, handout=new_id(), at=at, **fields)


def test_the_majority_of_what_holds_decides(tmp_path: Path) -> None:
    removals = [candidate(seed) for seed in range(6)]
    first, undone, tie, gold, changed, unseen = removals
    no = event(changed, ANNA, "no", 5)
    said = [
        event(first, ANNA, "yes", 1),
        event(undone, ANNA, "no", 2),
        event(undone, BORIS, "no", 2),
        event(tie, ANNA, "yes", 3),
        event(tie, BORIS, "no", 3),
        event(gold, ANNA, "yes", 4, source="gold"),
        no,
        event(changed, ANNA, "yes", 6, supersedes=no.event),
    ]
    folder = labelled(tmp_path / "labels", removals, said)
    made = make(tmp_path / "out", Inputs(labelled=[folder]), cache=tmp_path / "cache")
    found = {one.id: one for one in open_set(str(tmp_path / "out")) if isinstance(one, Triplet)}
    assert set(found) == {first.id, changed.id}
    known = {one.id: one for one in read_labelled(folder)}
    for one in found.values():
        told = known[one.id]
        assert (one.accepted_by, one.votes_yes, one.votes_no, one.p_yes) == (
            "human",
            told.votes_yes,
            told.votes_no,
            1.0,
        )
    assert {one.id for one in known.values() if one.accepted_by == "human"} == set(found)
    assert (made.manifest["human"]["shown"], made.manifest["human"]["yes"]) == (4, 2)
    assert unseen.id not in found and made.manifest["inputs"][0]["events"]


def test_the_same_answer_in_a_file_counts_once(tmp_path: Path) -> None:
    """And its removal in a generated set is the same one."""
    one, other = candidate(1), candidate(2)
    folder = labelled(tmp_path / "labels", [one], [event(one, ANNA, "yes", 1)])
    said = answers(tmp_path / "answers.csv", [(one, ANNA, "yes"), (one, BORIS, "yes"), (other, ANNA, "no")])
    inputs = Inputs(
        generated=[shards(tmp_path / "new", [replace(one, name="as generated"), other])],
        labelled=[folder],
        answers=[said],
        scores=[scores(tmp_path / "scores", [(other, 0.99, True)])],
    )
    make(tmp_path / "out", inputs, cache=tmp_path / "cache")
    (found,) = (one for one in open_set(str(tmp_path / "out")) if isinstance(one, Triplet))
    assert (found.name, found.votes_yes) == ("as generated", 2)


def test_a_folder_without_removals_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="holds no removals that people judged"):
        make(tmp_path / "out", Inputs(labelled=[str(tmp_path / "empty")]), cache=tmp_path / "cache")
