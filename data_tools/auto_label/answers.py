"""What people said, as answers to removals: from a data set of labels, or from a file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from data_tools.auto_label.tables import ENCODING, END, Numbered, csv_rows, json_lines
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


@dataclass(frozen=True)
class Answer:
    """One person's yes, no or mask_wrong. annotator: "" if unknown. item: hash of source, mask and result.

    Without an item: sample (hash of source and mask, or a name) or name, and method and seed, "" if unknown.
    """

    verdict: str
    annotator: str = ""
    item: str = ""
    sample: str = ""
    name: str = ""
    method: str = ""
    seed: str = ""


def read_answers(where: str, environment: Mapping[str, str] = os.environ) -> tuple[list[Answer], Tally]:
    """The answers that count, and what was left out: skips say nothing.

    where: a data set of labels (a folder with events/, or owner/name on the Hub), an export of `rorem labels` (.jsonl
    or .parquet, with every event), or a file of answers (.csv or .jsonl, with the columns of `rorem labels export
    answers.csv`; some may be missing). A line that cannot be understood is counted and the others go on.
    Raises BadData for what is none of these, Unavailable, HubTrouble.
    """
    tally = Tally()
    path = Path(where).expanduser()
    try:
        if path.is_file():
            answers = list(_of_file(path, tally))
            if tally.total and not answers:
                raise BadData(f"No answer in {path.name} can be read: {tally.examples[UNREAD][0]}.", FIX)
            return answers, tally
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
            return _that_hold(_events(enumerate(read_records(path), start=1), tally))
        case ".csv":
            columns, records = csv_rows(path.name, path.read_bytes(), UNREAD, tally)
            if "verdict" not in columns:
                raise BadData(f"{path.name} has no column verdict.", NEEDED)
        case ".jsonl":
            records = _lines(path, tally)
            first = next(records, None)
            if first is None:
                return iter(())
            records = chain([first], records)
            if "event" in first[1]:
                return _that_hold(_events(records, tally))
        case _:
            raise BadData(f"{path.name} is no file of answers.", FIX)
    return _answers(records, tally)


def _that_hold(events: Iterable[Event]) -> Iterator[Answer]:
    every = {event.event: event for event in events}  # two shards may have the same one
    told = current(sorted(every.values(), key=lambda one: one.at))
    for one in told.answers:
        if one.kind == JUDGEMENT and one.verdict in COUNTING:
            yield Answer(one.verdict, one.annotator, one.item)


def _events(records: Iterable[Numbered], tally: Tally) -> Iterator[Event]:
    for number, record in records:
        try:
            yield from_record({name: value for name, value in record.items() if value is not None})
        except BadData as error:
            tally.add(UNREAD, f"line {number}", str(error))


def _answers(records: Iterable[Numbered], tally: Tally) -> Iterator[Answer]:
    for number, record in records:
        told = {name: _text(record.get(name)) for name in Answer.__dataclass_fields__}
        told["seed"] = told["seed"].removesuffix(".0")  # of a table with gaps, whose numbers became fractions
        verdict = told.pop("verdict").lower()
        if verdict == "skip":
            continue
        if verdict not in COUNTING or not (told["item"] or told["sample"] or told["name"]):
            tally.add(UNREAD, f"line {number}", NEEDED)
            continue
        yield Answer(verdict, **told)


def _lines(path: Path, tally: Tally) -> Iterator[Numbered]:
    with path.open(encoding=ENCODING, errors="replace", newline=END) as file:
        yield from json_lines(file, UNREAD, tally)


def _text(value: object) -> str:
    """As it was before an export marked it for spreadsheets."""
    text = "" if value is None else str(value).strip()
    return text[1:] if FORMULA.match(text) else text
