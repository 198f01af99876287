"""A folder of triplets that is written one record at a time, so that a killed run can be taken up again.

A record's pictures come first and its line in a hidden journal last: what has a line is whole. meta.json, by which
`open_set` knows a set, is written from the journal when all is done, so that nothing half-made is taken for done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from rorem.errors import BadData
from rorem.files import clear_parts, write_whole
from rorem.triplet import Triplet
from rorem.triplet.fields import check_extra
from rorem.triplet.folder import KEYS, META, ROOMS
from rorem.triplet.folder_writing import record_of, stem_key, stem_of, suffix_of

JOURNAL = ".journal.jsonl"
OTHER = "Choose another folder, or delete what is there."

Record = Mapping[str, object]


class SetFolder:
    """A set that is being written. made_with: hash of all that decides what a record becomes; another value is another
    set. Use as a context; `finish` makes it a set."""

    def __init__(self, folder: Path, made_with: str) -> None:
        """Raises OSError, and BadData if the folder holds a set that was made in another way, or is closed to us."""
        self.folder = folder
        self.made_with = made_with
        self._journal = folder / JOURNAL
        self._records = self._read()
        self._stems = {
            stem_key(Path(str(record[key])).stem) for record in self._records.values() for key in _keys(record)
        }
        folder.mkdir(parents=True, exist_ok=True)
        for room in ROOMS.values():
            clear_parts(folder / room)
        self._file = self._journal.open("ab")

    def __enter__(self) -> SetFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def records(self) -> Mapping[str, Record]:
        """What is there and whole, by name, in the order of writing."""
        return self._records

    def add(self, triplet: Triplet) -> None:
        """Writes a record: pictures, byte for byte, then its line. One of a name that is there is left as it is.

        Raises OSError, and BadData for an `extra` that JSON cannot hold.
        """
        if triplet.name in self._records:
            return
        check_extra(triplet)
        stem = stem_of(triplet.name, self._stems)
        paths = {}
        for part, key in KEYS.items():
            if (data := getattr(triplet, part)) is not None:
                paths[key] = f"{ROOMS[part]}/{stem}{suffix_of(data)}"
                write_whole(self.folder / paths[key], data, tidy=False)
        record = record_of(triplet, paths)
        self._file.write(json.dumps({"made_with": self.made_with, "record": record}).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self._records[triplet.name] = record

    def finish(self) -> None:
        """Makes it a set: meta.json with all records in the order of their names. Raises OSError; BadData for none."""
        if not self._records:
            raise BadData("There is nothing to write.")
        ordered = sorted(self._records.values(), key=lambda record: str(record["name"]))
        lines = ",\n".join(json.dumps(record) for record in ordered)
        write_whole(self.folder / META, f"[\n{lines}\n]\n".encode())

    def _read(self) -> dict[str, Record]:
        """The journal's records whose pictures are there. A line that was torn off by a kill is cut away."""
        if not self._journal.exists():
            if (self.folder / META).exists():
                raise BadData(f"{self.folder} holds another set.", OTHER)
            return {}
        found: dict[str, Record] = {}
        whole = 0
        with self._journal.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                try:
                    told = json.loads(line)
                    made_with, record = told["made_with"], told["record"]
                    name = str(record["name"])
                except (ValueError, TypeError, KeyError) as error:
                    raise BadData(f"{self._journal} is damaged.", OTHER) from error
                if made_with != self.made_with:
                    raise BadData(f"{self.folder} holds a set made of other files or with other settings.", OTHER)
                whole += len(line)
                if all((self.folder / str(record[key])).is_file() for key in _keys(record)):
                    found[name] = record
        if whole < self._journal.stat().st_size:
            os.truncate(self._journal, whole)
        return found


def _keys(record: Record) -> list[str]:
    return [key for key in KEYS.values() if key in record]
