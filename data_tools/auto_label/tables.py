"""Tables that people hand in, read line by line: what is broken is counted, and the rest goes on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from data_tools.tally import Tally
from rorem.errors import BadData

ENCODING = "utf-8-sig"
END = "\n"  # of a line of JSON; texts in it may hold what Unicode calls the end of a line
Numbered = tuple[int, Mapping[str, Any]]  # with the line that it ends in


def csv_rows(name: str, data: bytes, kind: str, tally: Tally) -> tuple[tuple[str, ...], Iterator[Numbered]]:
    """The columns and the rows of a CSV file. name: of the file. kind: under which a broken row is counted.

    Raises BadData for a header that cannot be read.
    """
    text = data.decode(ENCODING, errors="replace").replace("\0", "\ufffd")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = tuple(reader.fieldnames or ())
    except csv.Error as error:
        fix = "Its first line has to name the columns."
        raise BadData(f"{name} has no header that can be read ({error}).", fix) from error
    return columns, _rows(reader, kind, tally)


def _rows(reader: csv.DictReader[str], kind: str, tally: Tally) -> Iterator[Numbered]:
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            tally.add(kind, f"line {reader.reader.line_num}", str(error))
            continue
        if row is None:
            return
        yield reader.line_num, {name: value for name, value in row.items() if isinstance(name, str)}


def json_lines(lines: Iterable[str], kind: str, tally: Tally) -> Iterator[Numbered]:
    """The objects of a file with one a line, which is open with `ENCODING` and newline=`END`. kind: as above."""
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line) if line.strip() else None
        except (ValueError, RecursionError):
            record = ()
        if isinstance(record, dict):
            yield number, record
        elif record is not None:
            tally.add(kind, f"line {number}", "it is no JSON object")
