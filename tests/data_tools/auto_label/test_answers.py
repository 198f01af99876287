"""Answers in every form they come in, and what is left out of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.auto_label.answers import UNREAD, Answer, read_answers
from rorem.errors import BadData
from rorem.labels.event import Event, new_id
from rorem.labels.exchange import ANSWERS, EVENT_FIELDS
from rorem.labels.record_files import write_records
from rorem.labels.shards import EVENTS, path_of, write_events
from tests.data_tools.auto_label.rounds import hash_of, write_csv
from tests.labels.events import ANNA, BERT, CARL, said, undone

X, Y = hash_of("x"), hash_of("y")


def history() -> list[Event]:
    """Of x: Anna's no that she took back, and her yes; Bert's no; Anna again, unawares. Of y: a check, a visitor, a
    skip, and Carl's mask_wrong."""
    first = said(ANNA, X, "no", at=1)
    undo = Event(new_id(), "judgement", ANNA, "skip", X, supersedes=first.event, at=2)
    again = Event(new_id(), "judgement", ANNA, "yes", X, supersedes=undo.event, handout=new_id(), at=3)
    found = [first, undo, again, said(BERT, X, "no", at=4), said(ANNA, X, "no", at=5)]
    found += [said(ANNA, Y, "yes", source="gold", at=6), said(BERT, Y, "yes", source="public", handout="", at=7)]
    found += [said(ANNA, Y, "skip", at=8), said(CARL, Y, "mask_wrong", at=9)]
    return found


HELD = {Answer("yes", ANNA, X), Answer("no", BERT, X), Answer("mask_wrong", CARL, Y)}


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_an_export_gives_the_answers_that_hold(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"labels{suffix}"
    write_records(path, EVENT_FIELDS, [asdict(one) for one in reversed(history())])
    answers, tally = read_answers(str(path))
    assert set(answers) == HELD and len(answers) == 3 and not tally.total


def test_so_does_a_data_set_of_labels(tmp_path: Path) -> None:
    events = history()
    for some in (events[:4], events[3:]):  # in two shards, one of which repeats an event
        path = tmp_path / path_of(EVENTS, [one.event for one in some])
        path.parent.mkdir(exist_ok=True)
        write_events(path, some)
    answers, _ = read_answers(str(tmp_path))
    assert set(answers) == HELD and len(answers) == 3


def test_a_table_as_labels_export_writes_it(tmp_path: Path) -> None:
    row = dict.fromkeys(ANSWERS, "")
    rows = [
        {**row, "item": X, "annotator": ANNA, "verdict": "yes", "name": "'=1+1", "seconds": "1.5"},
        {**row, "item": Y, "annotator": BERT, "verdict": "skip"},
        {**row, "item": Y, "annotator": BERT, "verdict": "maybe"},
        {**row, "annotator": BERT, "verdict": "no"},  # about nothing
        {**row, "sample": "photo ü", "method": "lama", "seed": "7.0", "verdict": "No"},
    ]
    answers, tally = read_answers(write_csv(tmp_path / "answers.csv", rows))
    assert answers == [Answer("yes", ANNA, X, name="=1+1"), Answer("no", sample="photo ü", method="lama", seed="7")]
    assert dict(tally.counts) == {UNREAD: 2}


def test_lines_may_be_broken(tmp_path: Path) -> None:
    path = tmp_path / "answers.jsonl"
    good = json.dumps({"name": "photo 1", "verdict": "yes"})
    path.write_bytes(
        b"\xef\xbb\xbf" + f'{good}\nnonsense\n\n[1]\n{{"verdict": 3, "name": "x"}}\n{good}'.encode() + b"\xff\n"
    )
    answers, tally = read_answers(str(path))
    assert answers == [Answer("yes", name="photo 1")] and tally.counts[UNREAD] == 4


def test_what_unicode_calls_the_end_of_a_line_is_none(tmp_path: Path) -> None:
    name = "a\u2028b\u0085c\vd"
    path = tmp_path / "answers.jsonl"
    path.write_text(json.dumps({"name": name, "verdict": "no"}, ensure_ascii=False) + "\r\n", "utf-8", newline="")
    assert read_answers(str(path))[0] == [Answer("no", name=name)]
    table = write_csv(tmp_path / "answers.csv", [{"name": "two\nlines\u2028", "verdict": "no"}])
    assert read_answers(table)[0] == [Answer("no", name="two\nlines")]  # the ends are cut off


def test_a_line_that_is_too_long_does_not_cost_the_others(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text(f"name,verdict\n{'x' * 200_000},yes\nphoto 1,yes\n")
    answers, tally = read_answers(str(path))
    assert answers == [Answer("yes", name="photo 1")] and tally.counts[UNREAD] == 1
    path.write_text(f"{'x' * 200_000},verdict\na,yes\n")
    with pytest.raises(BadData, match="header"):
        read_answers(str(path))


def test_events_may_be_broken_too(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl"
    lines = [json.dumps(asdict(one)) for one in history()[:4]]
    path.write_text("\n".join([*lines, '{"event": "x"}', "{"]), "utf-8")
    answers, tally = read_answers(str(path))
    assert {one.annotator for one in answers} == {ANNA, BERT} and tally.counts[UNREAD] == 2


def test_so_may_be_a_record_of_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    records = [asdict(one) for one in history()]
    write_records(path, EVENT_FIELDS, [*records, {**records[-1], "event": "no id"}])
    answers, tally = read_answers(str(path))
    assert set(answers) == HELD and tally.counts[UNREAD] == 1
    write_records(path, EVENT_FIELDS, [{**records[-1], "verdict": "maybe"}])
    with pytest.raises(BadData, match="No answer"):
        read_answers(str(path))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\x00\x00"])
def test_what_is_no_table_of_answers(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "answers.csv"
    path.write_bytes(content)
    with pytest.raises(BadData, match="verdict"):
        read_answers(str(path))


def test_what_is_nothing_at_all(tmp_path: Path) -> None:
    for where in (tmp_path, tmp_path / "nothing", tmp_path / "x.txt"):
        if where.suffix:
            where.write_text("yes")
        with pytest.raises(BadData):
            read_answers(str(where))


@given(st.lists(st.fixed_dictionaries({name: st.text(max_size=8) for name in ("item", "name", "verdict")}), max_size=8))
def test_any_table_is_read_to_its_end(rows: list[dict[str, str]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        rows = [*rows, {"item": X, "name": "", "verdict": "yes"}]
        answers, _ = read_answers(write_csv(Path(folder) / "answers.csv", rows))
    assert answers[-1] == Answer("yes", item=X)


def test_an_undo_leaves_nothing(tmp_path: Path) -> None:
    first = said(ANNA, X, "no", at=1)
    write_records(tmp_path / "labels.jsonl", EVENT_FIELDS, [asdict(first), asdict(undone(first))])
    assert read_answers(str(tmp_path / "labels.jsonl"))[0] == []
