"""Labels out and in again: nothing lost, nothing twice, nothing from a file that is not sound."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from rorem.errors import BadData, BadOptions
from rorem.evaluation import answers
from rorem.labels.event import REASONS, Event, from_record
from rorem.labels.exchange import EVENT_FIELDS, bring_in, cell, export, items_file
from rorem.labels.item_record import FIELDS, check_item, item_record
from rorem.labels.items import STATES, add_items
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.record_files import read_records, write_records
from rorem.labels.store import Store
from rorem.labels.tables import items, withdrawals
from rorem.labels.verify import verify
from tests.labels.events import ANNA, BERT, said, voted
from tests.labels.samples import row
from tests.labels.test_recount import KEPT, PEOPLE, PLAN, busy, kept

FORMATS = (".jsonl", ".parquet")


@pytest.fixture
def another(tmp_path: Path) -> Any:
    store = Store(f"sqlite:///{tmp_path / 'another.db'}", tmp_path / "more")
    yield store
    store.close()


@pytest.mark.parametrize("suffix", FORMATS)
def test_everything_comes_back(store: Store, another: Store, tmp_path: Path, suffix: str) -> None:
    busy(store, 1)
    rows = [row(number, PLAN, state="private", removal_seconds=None) for number in (5000, 5001)]
    store.write(lambda connection: add_items(connection, rows))
    store.add(voted(rows[0]["id"], rows[1]["id"], "tie"))
    file, again = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    moved = export(store, file)
    assert (moved.events, moved.items) == (store.count(), 36)
    come = bring_in(another, PLAN, file)
    assert (come.events, come.items, come.known) == (moved.events, 36, 0)
    assert [event for _, event in another.events()] == [event for _, event in store.events()]
    lasting = slice(0, KEPT.index("need"))  # what is handed out at the moment does not go along
    assert {id: one[lasting] for id, one in kept(another).items()} == {id: o[lasting] for id, o in kept(store).items()}
    assert [problem for problem in verify(another) if not problem.endswith("is not there.")] == []
    export(another, again)
    assert again.read_bytes() == file.read_bytes() and items_file(again).read_bytes() == items_file(file).read_bytes()


def test_the_same_file_twice_changes_nothing(store: Store, another: Store, tmp_path: Path) -> None:
    busy(store, 2)
    export(store, tmp_path / "a.jsonl")
    bring_in(another, PLAN, tmp_path / "a.jsonl")
    before = kept(another)
    moved = bring_in(another, PLAN, tmp_path / "a.jsonl")
    assert (moved.events, moved.items, moved.known) == (0, 0, store.count()) and kept(another) == before
    assert bring_in(store, PLAN, tmp_path / "a.jsonl").events == 0


def test_what_is_there_stays_and_what_is_new_is_added(store: Store, another: Store, tmp_path: Path) -> None:
    busy(store, 3, answers=40)
    export(store, tmp_path / "early.jsonl")
    bring_in(another, PLAN, tmp_path / "early.jsonl")
    queue = Queue(store, PLAN)
    for who in PEOPLE:
        for lent in queue.lent(who, 3):
            queue.answer(lent.id, who, "no")
    export(store, tmp_path / "late.parquet")
    moved = bring_in(another, PLAN, tmp_path / "late.parquet")
    assert moved.events == store.count() - moved.known > 0
    assert [event for _, event in another.events()] == [event for _, event in store.events()]


def test_an_event_that_says_something_else_is_refused(store: Store, tmp_path: Path) -> None:
    busy(store, 4, answers=10)
    export(store, tmp_path / "a.jsonl")
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    told = json.loads(lines[-1])
    new = {**told, "event": "e" * 32, "handout": "", "supersedes": ""}
    (tmp_path / "a.jsonl").write_text("\n".join([json.dumps(new), *lines[:-1], json.dumps({**told, "at": 5})]))
    count = store.count()
    with pytest.raises(BadData, match="says something else"):
        bring_in(store, PLAN, tmp_path / "a.jsonl")
    assert store.count() == count


@pytest.mark.parametrize("name", ["handout", "supersedes"])
def test_two_answers_to_one_thing_are_refused(store: Store, another: Store, tmp_path: Path, name: str) -> None:
    one = said(ANNA, "x", "yes", supersedes="1" * 32)
    two = replace(said(BERT, "x", "no", supersedes="2" * 32), **{name: getattr(one, name)})
    write(tmp_path / "both.jsonl", [one, two])
    with pytest.raises(BadData, match="Two labels of the file"):
        bring_in(store, PLAN, tmp_path / "both.jsonl")
    store.add(one)
    write(tmp_path / "two.jsonl", [two])
    with pytest.raises(BadData, match=f"the same {name}"):
        bring_in(store, PLAN, tmp_path / "two.jsonl")
    assert store.count() == 1


def test_withdrawn_items_stay_away(store: Store, another: Store, tmp_path: Path) -> None:
    busy(store, 6)
    export(store, tmp_path / "a.jsonl")
    gone = next(event.item for _, event in store.events())
    another.write(lambda connection: connection.execute(insert(withdrawals).values(item=gone, at=1)))
    moved = bring_in(another, PLAN, tmp_path / "a.jsonl")
    assert moved.withdrawn == 1 and gone not in kept(another)
    assert gone not in {event.item for _, event in another.events()}


def write(path: Path, some: list[Event]) -> None:
    write_records(path, EVENT_FIELDS, [{**asdict(one), "reasons": list(one.reasons)} for one in some])


HEX = st.sampled_from("0123456789abcdef")
IDS, HASHES = (st.text(HEX, min_size=count, max_size=count) for count in (32, 64))
NUMBERS = st.integers(-(2**63), 2**63 - 1)
EVENTS = st.builds(
    Event,
    event=IDS,
    kind=st.just("judgement"),
    annotator=IDS,
    verdict=st.just("no"),
    item=HASHES,
    reasons=st.lists(st.sampled_from(REASONS), unique=True).map(tuple),
    seconds=st.floats(0, 3600),
    order_seed=NUMBERS,
    handout=st.just("") | IDS,
    source=st.sampled_from(("annotator", "public", "gold")),
    at=st.integers(0, 2**63 - 1),
)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, max_size=5))
def test_any_event_goes_through_a_file(tmp_path: Path, suffix: str, some: list[Event]) -> None:
    write(tmp_path / f"a{suffix}", some)
    assert [from_record(told) for told in read_records(tmp_path / f"a{suffix}")] == some


TEXTS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS, st.floats(0, 1), st.none() | st.floats(0, 1e6), st.sampled_from(STATES), NUMBERS)
def test_any_item_goes_through_a_file(
    tmp_path: Path, suffix: str, name: str, category: str, share: float, took: float | None, state: str, seed: int
) -> None:
    gold = "yes" if state == "gold" else ""
    told = row(1, Plan(), name=name, category=category, seed=seed, mask_share=share, removal_seconds=took, gold=gold)
    record = item_record({**told, "state": state})
    write_records(tmp_path / f"i{suffix}", FIELDS, [record])
    assert [check_item(one) for one in read_records(tmp_path / f"i{suffix}")] == [record]


@pytest.mark.parametrize(
    "change",
    [
        {"id": "0" * 64},
        {"sha256_result": "0" * 64},
        {"sample": "0" * 64},
        {"state": "sold"},
        {"state": "gold"},
        {"gold": "yes"},
        {"gold": "perhaps"},
        {"mask_share": 1.5},
        {"mask_share": float("nan")},
        {"removal_seconds": -1.0},
        {"wanted": 0},
        {"wanted": 1000},
        {"seed": 2**63},
        {"seed": True},
        {"name": None},
        {"name": "\0"},
        {"name": "\ud800"},
        {"place": "3"},
        {"code": "abc"},
        {"hold_until": -1},
        {"added": 2**62},
        {"pending": 3},
    ],
)
def test_an_odd_item_is_refused(change: dict[str, Any]) -> None:
    record = item_record(row(1, Plan()))
    assert check_item(record) == record
    with pytest.raises(BadData):
        check_item({**record, **change})
    with pytest.raises(BadData):
        check_item({name: value for name, value in record.items() if name != next(iter(change)) and name != "id"})


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"event": 1}', '{"secret": "x"}', "\xff", '{"event": "' + "a" * 32 + '"}']
)
def test_a_file_that_is_none_is_refused(store: Store, tmp_path: Path, text: str) -> None:
    for suffix in FORMATS:
        (tmp_path / f"a{suffix}").write_bytes(text.encode("latin-1"))
        with pytest.raises(BadData):
            bring_in(store, PLAN, tmp_path / f"a{suffix}")
    assert store.count() == 0


def test_other_formats_are_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BadOptions):
        export(store, tmp_path / "a.xlsx")
    with pytest.raises(BadOptions):
        bring_in(store, PLAN, tmp_path / "a.csv")


def test_an_export_that_fails_leaves_nothing(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(store, 7, answers=5)
    export(store, tmp_path / "a.jsonl")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}

    def broken(**_: object) -> Any:
        yield 1, said(ANNA, "x", "yes")
        raise OSError("the disk is full")

    monkeypatch.setattr(store, "events", broken)
    with pytest.raises(OSError, match="full"):
        export(store, tmp_path / "a.jsonl")
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert {name: data for name, data in after.items() if "a." in name} == {
        name: data for name, data in before.items() if "a." in name
    }
    assert not list(tmp_path.glob(".*part"))


def test_answers_as_a_table(store: Store, open_store: Callable[[], Store], tmp_path: Path) -> None:
    """For `rorem evaluate --answers`; and what a spreadsheet would run is only text in it."""
    one = row(1, PLAN, name='=HYPERLINK("http://x")', category="@SUM(1)", method="telea")
    store.write(lambda connection: add_items(connection, [one]))
    for event in (said(ANNA, one["id"], "yes"), said(BERT, one["id"], "no", reasons=("shadow", "colour"))):
        store.add(event)
    moved = export(store, tmp_path / "a.csv")
    assert moved.events == 2
    with (tmp_path / "a.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first["name"] == '\'=HYPERLINK("http://x")' and first["category"] == "'@SUM(1)"
    assert (first["verdict"], second["verdict"], second["reasons"]) == ("yes", "no", "shadow colour")
    assert answers.read(tmp_path / "a.csv") == {(one["sample"], "telea", 0): [True, False]}


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{text}" and cell(f"a{text}") == f"a{text}" and cell(-1) == -1


def test_items_table_and_record_go_together() -> None:
    derived = {"stratum", "rank", "yes", "no", "mask_wrong", "skips", "pending", "given", "need"}
    assert set(FIELDS) | derived == {column.name for column in items.columns}
