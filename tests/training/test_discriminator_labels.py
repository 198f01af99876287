"""What people say, as targets: from the label store, its exports and its data set; and photos kept for validation."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rorem.errors import BadData, BadOptions
from rorem.labels.event import Event
from rorem.labels.exchange import export
from rorem.labels.shards import EVENTS, ITEMS, path_of, write_events, write_items
from rorem.labels.store import Store
from rorem.triplet import Triplet, write_folder
from tests.labels.events import ANNA, BERT, CARL, said, undone
from tests.labels.pushed import photo, stock
from tests.training.data.scenes import triplet
from training.data import label_of
from training.data.sets import Sets
from training.labelled import Labelled, is_held_out, labelled, parted, share_of_yes, some, without_photos
from training.soft_labels import Labels, Opinion, events_of, fingerprint, opinions, read_opinions, removals_of


def answered(ids: list[str]) -> list[Event]:
    """Item 0: two yes, one no. 1: a no that was taken back. 2: a no, and a gold yes. 3: a visitor's yes. 4: a wrong
    mask. 5: a skip and a yes."""
    back = said(ANNA, ids[1], "no", at=4)
    return [
        *(said(who, ids[0], verdict, at=1) for who, verdict in ((ANNA, "yes"), (BERT, "no"), (CARL, "yes"))),
        *(back, replace(undone(back), at=5)),
        *(said(ANNA, ids[2], "no", at=6), said(ANNA, ids[2], "yes", source="gold", at=7)),
        said(BERT, ids[3], "yes", source="public", handout="", at=8),
        said(ANNA, ids[4], "mask_wrong", at=9),
        *(said(ANNA, ids[5], "skip", at=10), said(BERT, ids[5], "yes", at=11)),
    ]


IDS = [triplet(number).id for number in range(6)]
SHARES = {IDS[0]: Opinion(2 / 3, 3), IDS[2]: Opinion(0.0, 1), IDS[5]: Opinion(1.0, 1)}


def test_answers_become_shares_of_yes() -> None:
    assert opinions(answered(IDS), "share") == SHARES
    assert opinions(reversed(answered(IDS)), "share") == SHARES
    assert opinions(answered(IDS), "share", public=True) == {**SHARES, IDS[3]: Opinion(1.0, 1)}


def test_a_model_of_the_people_weighs_their_answers() -> None:
    """Carl says the opposite of the two others, so where Anna is alone against him, she is believed."""
    many = [triplet(number).id for number in range(41)]
    truth = {item: ("yes", "no")[number % 2] for number, item in enumerate(many)}
    other = {"yes": "no", "no": "yes"}
    events = [said(who, item, truth[item]) for item in many[:40] for who in (ANNA, BERT)]
    events += [said(CARL, item, other[truth[item]]) for item in many[:40]]
    events += [said(ANNA, many[40], "yes"), said(CARL, many[40], "no")]
    found, plain = (opinions(events, how)[many[40]] for how in ("model", "share"))
    assert plain == Opinion(0.5, 2) and found.votes == 2 and found.p_yes > 0.9


def test_the_store_its_export_and_its_data_set_say_the_same(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'labels.db'}"
    store = Store(address, tmp_path / "pictures")
    ids = stock(store, range(6))
    events = answered(ids)
    for one in events:
        store.add(one)
    export(store, tmp_path / "labels.jsonl")
    export(store, tmp_path / "labels.parquet")
    from sqlalchemy import select

    from rorem.labels.tables import items

    stored: Any = store.read(lambda connection: connection.execute(select(items)).mappings().all())
    store.close()
    shared = tmp_path / "shared"
    for kind, names in ((ITEMS, ids), (EVENTS, [one.event for one in events])):
        path = shared / path_of(kind, names)
        path.parent.mkdir(parents=True)
        if kind == EVENTS:
            write_events(path, events)
        else:
            write_items(path, stored, lambda row, part: getattr(photo(ids.index(row["id"])), part))
    wanted = {ids[0]: Opinion(2 / 3, 3), ids[2]: Opinion(0.0, 1), ids[5]: Opinion(1.0, 1)}
    places = [address, *(str(tmp_path / name) for name in ("labels.jsonl", "labels.parquet")), str(shared)]
    for place in places:
        assert read_opinions([place], "share") == wanted, place
    assert read_opinions(places, "share") == wanted  # no answer counts twice
    assert fingerprint(wanted) != fingerprint({**wanted, ids[0]: Opinion(1 / 3, 3)})
    # Its removals are a set to learn from, in which the answers find theirs.
    found = labelled(Sets(removals_of([*places[:2], places[3]])), tmp_path / "cache", Labels(wanted))
    assert sorted(found.p_yes[found.there].tolist()) == [0.0, 2 / 3, 1.0] and len(found) == 6


@pytest.mark.parametrize("place", ["sqlite:///NOT/there.db", "labels.txt", "empty"])
def test_a_place_without_answers_is_told(place: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "labels.txt").write_text("yes")
    place = place.replace("NOT", str(tmp_path)) if ":" in place else str(tmp_path / place)
    with pytest.raises(BadData, match=r"no (labels|answers|database)") as raised:
        list(events_of(place))
    assert "rorem labels export" in raised.value.fix
    assert not list(tmp_path.glob("**/*.db"))  # none is made


def test_an_address_with_a_password_is_never_part_of_a_run() -> None:
    with pytest.raises(BadOptions) as raised:
        list(events_of("postgresql+psycopg://me:secret@host/labels"))
    assert "secret" not in raised.value.advice and "rorem labels export" in raised.value.fix


def test_records_may_tell_their_labels_themselves() -> None:
    votes = triplet(0, votes_yes=3, votes_no=1)
    assert Labels().opinion(votes) == Opinion(0.75, 4)
    assert Labels().opinion(triplet(0, extra={"score": 1})) == Opinion(1.0, 1)
    assert Labels().opinion(triplet(0)) is None
    assert Labels().opinion(triplet(0, result=None, p_yes=1.0)) is None  # there is nothing to judge
    assert Labels(typical=2.0)(votes) == (0.75, 2.0) and Labels()(votes) == label_of(votes)
    stored = pickle.loads(pickle.dumps(Labels({votes.id: Opinion(0.1, 9)}, 3.0)))
    assert stored(votes) == (0.1, 3.0) and stored(triplet(1)) is None


def of_photos(*photos: str, p_yes: Any = 0.5) -> Labelled:
    many = len(photos)
    return Labelled(np.full(many, p_yes, float), np.ones(many, int), np.array(photos), np.array([""] * many))


def test_a_set_says_which_records_can_be_learned_from(tmp_path: Path) -> None:
    one = triplet(0, p_yes=0.25, votes_yes=1, votes_no=3, method="lama")
    again = replace(one, name="again")
    other = Triplet("other", one.source, one.mask, triplet(5).result, p_yes=1.0, method="rorem")
    write_folder([one, again, other, triplet(3), triplet(4, p_yes=0.0)], tmp_path / "set")
    (tmp_path / "set/source/scene-004.png").write_bytes(b"no picture")
    found = labelled(Sets([str(tmp_path / "set")]), tmp_path / "cache", Labels())
    assert found.there.tolist() == [True, False, True, False, False]  # twice there, nobody's, unreadable
    assert found.p_yes[[0, 2]].tolist() == [0.25, 1.0] and found.method[[0, 2]].tolist() == ["lama", "rorem"]
    assert found.photo[0] == found.photo[2] != found.photo[3]
    assert found.typical == 2.5 and share_of_yes(found, [0, 2, 2]) == 0.75
    with pytest.raises(BadData, match="Nobody has said"):
        labelled(Sets([str(tmp_path / "set")]), tmp_path / "cache", Labels({}))


def test_a_photo_is_held_out_with_all_of_its_removals() -> None:
    names = [f"photo {number // 3}" for number in range(900)]
    train, held_out = parted(of_photos(*names), 0.2)
    assert not (train.there & held_out.there).any() and (train.there | held_out.there).all()
    assert not set(train.photo[train.there]) & set(held_out.photo[held_out.there])
    assert 0.12 < held_out.there.mean() < 0.28
    # Others that come to the set change nothing, and a larger share holds out what a smaller one did.
    more = parted(of_photos(*(f"photo {number}" for number in range(600)), *names), 0.2)[1]
    assert (more.there[600:] == held_out.there).all()
    assert all(is_held_out(name, 0.5) for name in set(held_out.photo[held_out.there]))
    assert parted(of_photos(*names), 0.0)[0].there.all()


def test_what_cannot_be_learned_from_is_told() -> None:
    held = next(str(number) for number in range(99) if is_held_out(str(number), 0.2))
    with pytest.raises(BadData, match="held out"):
        parted(of_photos(held), 0.2)
    with pytest.raises(BadData, match="validation sets"):
        without_photos(of_photos("a", "b"), of_photos("b", "a"))
    assert without_photos(of_photos("a", "b"), of_photos("b", "c")).there.tolist() == [True, False]
    for all_alike, word in ((0.0, "no"), (1.0, "yes")):
        with pytest.raises(BadData, match=f"say {word} to all"):
            share_of_yes(of_photos("a", "b", p_yes=all_alike), [0, 1])


def test_of_many_removals_whole_photos_are_looked_at() -> None:
    every = of_photos(*(f"photo {number % 50}" for number in range(200)))
    chosen = some(every, 40)
    assert len(chosen) == 40 and len(set(every.photo[chosen])) == 10 and (np.diff(chosen) > 0).all()
    assert some(every, 200).tolist() == list(range(200))
