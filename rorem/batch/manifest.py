"""Lists of photos and masks: CSV with a header, JSON lines, or one JSON list of objects.

Such a list may come from anywhere, so a path in it is held inside the list's own folder.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from rorem.batch.task import LARGEST_SEED, BadRequest, Task, check_suffix

HOW = "It needs the columns photo and mask; output, seed and method may follow."


class Row(BaseModel):
    """One line of a list. Other columns are left alone: lists often carry more than is needed here."""

    photo: str = Field(min_length=1)
    mask: str = Field(min_length=1)
    output: str = ""
    seed: int | None = Field(None, ge=0, le=LARGEST_SEED)
    method: str | None = None


def from_manifest(file: Path, output: Path, *, anywhere: bool = False) -> list[Task]:
    """Tasks for the lines of a list.

    Photos and masks are relative to the list's folder, `output` columns to the folder `output`; without such a column a
    result has its photo's path there. anywhere: paths may leave those two folders.
    Raises BadRequest for a list that cannot be read; a line that is wrong becomes a task with an error.
    """
    if output.is_file():
        raise BadRequest(f"{output} is a file, and the results need a folder.", "Name a folder with -o.")
    tasks = [_task(file, where, line, output, anywhere) for where, line in _lines(file)]
    if not tasks:
        raise BadRequest(f"{file.name} lists no photos.", HOW)
    return tasks


def _lines(file: Path) -> Iterator[tuple[str, object]]:
    """Every line and the words for where it is. A line of JSON lines that is no JSON comes as it is."""
    try:
        text = file.read_text("utf-8-sig")  # spreadsheets write a mark at the start
    except OSError as error:
        raise BadRequest(f"The list {file} could not be read.", "Check that it is there and is a file.") from error
    except UnicodeDecodeError as error:
        raise BadRequest(f"The list {file.name} is not text.", "Save it as UTF-8.") from error
    match file.suffix.lower():
        case ".csv":
            yield from _of_csv(file, text)
        case ".jsonl":
            numbered = enumerate(text.split("\n"), 1)  # other signs that end a line may stand inside JSON
            yield from ((f"Line {number}", _json_or_text(line)) for number, line in numbered if line.strip())
        case ".json":
            yield from ((f"Entry {number}", entry) for number, entry in enumerate(_of_json(file, text), 1))
        case _:
            raise BadRequest(f"{file.name} is not a list that RORem knows.", "Use a .csv, .jsonl or .json file.")


def _of_csv(file: Path, text: str) -> Iterator[tuple[str, object]]:
    header = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if ";" in header and "," not in header else ","
    )
    try:
        if not {"photo", "mask"} <= set(reader.fieldnames or ()):
            raise BadRequest(f"{file.name} does not start with the names of its columns.", HOW)
        for line in reader:
            yield f"Line {reader.line_num}", {name: value for name, value in line.items() if value}
    except csv.Error as error:
        raise BadRequest(f"{file.name} is not a sound CSV file: {error}.") from error


def _of_json(file: Path, text: str) -> list[object]:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{file.name} is not a sound JSON file.") from error
    if not isinstance(entries, list):
        raise BadRequest(f"{file.name} is not a list of objects.", HOW)
    return entries


def _json_or_text(line: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return line


def _task(file: Path, where: str, line: object, output: Path, anywhere: bool) -> Task:
    told = line.get("photo") if isinstance(line, dict) else None
    photo = file.parent / told if isinstance(told, str) else file
    try:
        row = _row(line)
        photo, mask = (_inside(file.parent, name, anywhere) for name in (row.photo, row.mask))
        to = _inside(output, row.output or _same_place(row.photo), anywhere)
        if row.output:
            check_suffix(to)
        return Task(photo, mask, to, seed=row.seed, method=row.method)
    except BadRequest as error:
        return Task(photo, photo, output, error=BadRequest(f"{where} of {file.name}: {error}", error.fix))


def _row(line: object) -> Row:
    if not isinstance(line, dict):
        raise BadRequest("this is not an object with photo and mask.", HOW)
    try:
        return Row.model_validate({name: value for name, value in line.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise BadRequest(f"the column {first['loc'][0]} is missing or wrong ({first['msg']}).", HOW) from error


def _same_place(photo: str) -> str:
    """The photo's path as a path for its result; of a photo from elsewhere, its name."""
    path = Path(os.path.normpath(photo))
    return path.name if path.is_absolute() or ".." in path.parts else str(path)


def _inside(folder: Path, name: str, anywhere: bool) -> Path:
    """The path of a name in a folder, which links and dots must not lead out of."""
    path = folder / name
    try:
        safe = anywhere or path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a zero byte
        safe = False
    if not safe:
        raise BadRequest(f"{name} leads out of the folder {folder}.", "If you trust this list, add --allow-outside.")
    return path
