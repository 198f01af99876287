"""Writing a set so that a run that was killed at any moment can be taken up again.

A sample's pictures come first and its record, in a hidden folder, last: what has a record is whole. meta.json and the
attribution are written from the records when all is done.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.set_folder import OTHER
from data_tools.synthesize.originals import Original
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet.fields import told
from rorem.triplet.folder import KEYS, META, ROOMS
from rorem.triplet.record import Triplet

RECORDS = ".records"
ATTRIBUTION = "ATTRIBUTION.md"
PARTS = ("source", "mask", "truth")
MORE = "effect"  # a part that only sets with shadows have

Record = Mapping[str, object]


@dataclass(frozen=True)
class Set:
    """A set that is being written. made_with: what says that a record belongs to it; another value is another set."""

    folder: Path
    made_with: str

    def records(self) -> dict[str, Record]:
        """The samples that are there and whole, by their names.

        Raises OSError, and BadData if the folder holds a set that was made in another way.
        """
        found: list[object] = []
        try:
            if (self.folder / META).is_file():
                listed = json.loads((self.folder / META).read_text("utf-8"))
                found += listed if isinstance(listed, list) else [listed]
            found += [json.loads(file.read_text("utf-8")) for file in sorted(self.folder.glob(f"{RECORDS}/*.json"))]
        except ValueError as error:
            raise BadData(f"{self.folder} holds a {META} that cannot be read.", OTHER) from error
        records = {}
        for record in found:
            if not isinstance(record, dict) or record.get("made_with") != self.made_with:
                raise BadData(f"{self.folder} holds a set made of other files or with other settings.", OTHER)
            parts = (*PARTS, *([MORE] if MORE in record else []))
            if all((self.folder / str(record[KEYS[part]])).is_file() for part in parts):
                records[str(record["name"])] = record
        return records

    def add(self, triplet: Triplet) -> Record:
        """Writes a sample: its pictures, then its record, which is returned. Raises OSError."""
        parts = (*PARTS, *([MORE] if triplet.effect else []))
        paths = {KEYS[part]: f"{ROOMS[part]}/{triplet.name}.png" for part in parts}
        for part in parts:
            write_whole(self.folder / paths[KEYS[part]], getattr(triplet, part))
        record = {"name": triplet.name, **paths, **told(triplet), **triplet.extra, "made_with": self.made_with}
        write_whole(self.folder / RECORDS / f"{triplet.name}.json", json.dumps(record).encode())
        return record

    def finish(self, records: Iterable[Record], originals: Sequence[Original]) -> None:
        """Writes meta.json and the attribution for these samples. originals: all files there are. Raises OSError."""
        ordered = sorted(records, key=lambda record: str(record["name"]))
        write_whole(self.folder / ATTRIBUTION, attribution(ordered, originals).encode())
        write_whole(self.folder / META, listing(ordered))
        shutil.rmtree(self.folder / RECORDS, ignore_errors=True)


def listing(records: Sequence[Record]) -> bytes:
    """meta.json: a JSON list, a line for each record."""
    return ("[\n" + ",\n".join(json.dumps(record) for record in records) + "\n]\n").encode()


def attribution(records: Sequence[Record], originals: Sequence[Original]) -> str:
    """Who made what the samples were made of, as a page of Markdown."""
    by_key = {(original.key, original.sha256): original for original in originals}
    used: dict[tuple[str, str], list[str]] = {}
    for record in records:
        files = record["files"]
        for key, digest in files if isinstance(files, list) else []:
            used.setdefault((key, digest), []).append(str(record["name"]))
    rows = [
        (key, by_key[key, digest].credit, ", ".join(names))
        for (key, digest), names in sorted(used.items())
        if (key, digest) in by_key
    ]
    lines = [
        "# Where the pictures come from",
        "",
        "Each photo was cropped and made smaller or larger; cut-outs were laid over it. Licences are as the copyright",
        'files of the packages say; "unknown" means that nothing was said. Check before you pass the set on.',
        "",
        "| file | author | licence | source | samples |",
        "|---|---|---|---|---|",
        *(_row(key, credit.author, credit.licence, credit.source, names) for key, credit, names in rows),
    ]
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in cells)} |"
