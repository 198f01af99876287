"""What people said, as answers to removals: from a data set of labels, or from a file."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.tally import Tally
from rorem.errors import BadData
from rorem.labels.current import current
from rorem.labels.dataset import fetch
from rorem.labels.event import JUDGEMENT, Event, from_record
from rorem.labels.record_files import read_records
from rorem.labels.shards import EVENTS, FOLDERS, read_events, told_by

COUNTING = ("yes", "no", "mask_wrong")
FIX = "It takes a folder with events/, owner/name on the Hub, or answers as .csv, .jsonl or .parquet."
NEEDED = "An answer has a verdict, and item, or sample or name."
HUB_ID = re.compile(r"[\w.-]{1,96}/[\w.-]{1,96}")
FORMULA = re.compile(r"'[=+\-@\t\r]")  # how an export marks what a spreadsheet would take for a formula
UNREAD = "answers that cannot be read"
REPEATED = "answers of one person to one removal again"


@dataclass(frozen=True)
class Answer:
    """One person's yes, no or mask_wrong. annotator: "" if unknown. item: hash of source, mask and result.

    Without an item: sample (hash of source and mask, or a name) or name, and the method.
    """

    verdict: str
    annotator: str = ""
    item: str = ""
    sample: str = ""
    name: str = ""
    method: str = ""


def read_answers(where: str, environment: Mapping[str, str] = os.environ) -> tuple[list[Answer], Tally]:
    """The answers that count, and what was left out: skips say nothing, later answers of one person are repeats.

    where: a data set of labels (a folder with events/, or owner/name on the Hub), an export of `rorem labels` (.jsonl
    or .parquet, with every event), or a file of answers (.csv or .jsonl, with the columns of `rorem labels export
    answers.csv`; some may be missing). A line that cannot be understood is counted and the others go on.
    Raises BadData for what is none of these, Unavailable, HubTrouble.
    """
    tally = Tally()
    path = Path(where).expanduser()
    try:
        if path.is_file():
            return list(_of_file(path, tally)), tally
        if not path.is_dir() and HUB_ID.fullmatch(where):
            path = fetch(where, environment)
        files = sorted(
            one for one in (path / FOLDERS[EVENTS]).glob("*.parquet") if told_by(f"{FOLDERS[EVENTS]}/{one.name}")
        )
        if not files:
            raise BadData(f"{where} holds no answers of people.", FIX)
        return list(_that_hold(event for file in files for event in read_events(file))), tally
    except OSError as error:
        raise BadData(f"{where} cannot be read: {(error.strerror or str(error)).lower()}.", FIX) from error


def _of_file(path: Path, tally: Tally) -> Iterator[Answer]:
    """Raises BadData, OSError."""
    match path.suffix.lower():
        case ".parquet":
            return _that_hold(_event(record) for record in read_records(path))
        case ".csv":
            records = _rows(path, tally)
        case ".jsonl":
            records = _lines(path, tally)
            first = next(records, None)
            if first is not None and "event" in first[1]:
                return _that_hold(_events([first], records, tally))
            records = _both(first, records)
        case _:
            raise BadData(f"{path.name} is no file of answers.", FIX)
    return _once(_answers(records, tally), tally)


def _that_hold(events: Iterable[Event]) -> Iterator[Answer]:
    every = {event.event: event for event in events}  # two shards may have the same one
    told = current(sorted(every.values(), key=lambda one: one.at))
    for one in told.answers:
        if one.kind == JUDGEMENT and one.verdict in COUNTING:
            yield Answer(one.verdict, one.annotator, one.item)


def _event(record: Mapping[str, object]) -> Event:
    return from_record({name: value for name, value in record.items() if value is not None})


def _events(first: list[tuple[int, Any]], rest: Iterable[tuple[int, Any]], tally: Tally) -> Iterator[Event]:
    for records in (first, rest):
        for number, record in records:
            try:
                yield _event(record)
            except BadData as error:
                tally.add(UNREAD, f"line {number}", str(error))


def _answers(records: Iterable[tuple[int, Mapping[str, object]]], tally: Tally) -> Iterator[Answer]:
    for number, record in records:
        told = {name: _text(record.get(name)) for name in Answer.__dataclass_fields__}
        verdict = told.pop("verdict").lower()
        if verdict == "skip":
            continue
        if verdict not in COUNTING or not (told["item"] or told["sample"] or told["name"]):
            tally.add(UNREAD, f"line {number}", NEEDED)
            continue
        yield Answer(verdict, **told)


def _once(answers: Iterable[Answer], tally: Tally) -> Iterator[Answer]:
    """The first one of each person to each removal."""
    seen: set[tuple[str, ...]] = set()
    for one in answers:
        key = (one.annotator, one.item or f"{one.sample}\0{one.name}\0{one.method}")
        if one.annotator and key in seen:
            tally.add(REPEATED, one.item or one.sample or one.name)
            continue
        seen.add(key)
        yield one


def _rows(path: Path, tally: Tally) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Raises BadData for a file without the column verdict."""
    reader = csv.DictReader(
        io.StringIO(path.read_text("utf-8-sig", errors="replace").replace("\0", "\ufffd"), newline="")
    )
    if "verdict" not in (reader.fieldnames or ()):
        raise BadData(f"{path.name} has no column verdict.", NEEDED)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            tally.add(UNREAD, f"line {reader.line_num}", str(error))
            continue
        if row is None:
            return
        yield reader.line_num, {name: value for name, value in row.items() if isinstance(name, str)}


def _lines(path: Path, tally: Tally) -> Iterator[tuple[int, Mapping[str, object]]]:
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line) if line.strip() else None
            except (ValueError, RecursionError):
                record = ()
            if isinstance(record, dict):
                yield number, record
            elif record is not None:
                tally.add(UNREAD, f"line {number}", "it is no JSON object")


def _both(first: Any, rest: Iterable[Any]) -> Iterator[Any]:
    if first is not None:
        yield first
    yield from rest


def _text(value: object) -> str:
    """As it was before an export marked it for spreadsheets."""
    text = "" if value is None else str(value).strip()
    return text[1:] if FORMULA.match(text) else text
