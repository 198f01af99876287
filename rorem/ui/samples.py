"""Photos with marks and exact truth that a visitor of the Compare tab can try: the frozen set of the package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import rorem
from rorem.mask_file import read_mask
from rorem.picture import open_picture
from rorem.ui.preview import bits, preview, proxy_size

FOLDER = Path(rorem.__file__).parent / "samples"
META = "meta.json"


@dataclass(frozen=True)
class Sample:
    """A photo, what is to be removed from it, and what is behind that. title: what could go. credit: as it must be
    named. source, mask, truth: files."""

    name: str
    title: str
    credit: str
    source: Path
    mask: Path
    truth: Path

    def marks(self) -> bytes:
        """The mask at the size that the page paints on, as a 1-bit PNG."""
        size = open_picture(self.source).size
        return bits(read_mask(self.mask, *proxy_size(*size), photo=size).mask)

    def thumb(self, side: int) -> bytes:
        """The photo at most that long, as JPEG."""
        return preview(open_picture(self.source), side)[0]


@lru_cache(maxsize=1)
def every(folder: Path = FOLDER) -> tuple[Sample, ...]:
    """All samples of a folder `source/ mask/ TRUTH/ meta.json`; none where there is no such folder."""
    if not (folder / META).is_file():
        return ()
    text = (folder / META).read_text("utf-8")
    records = json.loads(text) if text.lstrip().startswith("[") else [json.loads(line) for line in text.splitlines()]
    return tuple(_sample(folder, record) for record in records)


def find(name: str) -> Sample:
    """The sample with this name. Raises KeyError."""
    found = next((sample for sample in every() if sample.name == name), None)
    if found is None:
        raise KeyError(name)
    return found


def _sample(folder: Path, record: Mapping[str, Any]) -> Sample:
    source = folder / record["source"]
    truth = record.get("truth") or f"TRUTH/{source.name}"
    name = source.stem
    credit = ", ".join(str(record[key]) for key in ("author", "licence") if record.get(key))
    title = str(record.get("category") or name).replace("_", " ").replace("-", " ")
    return Sample(name, title[:1].upper() + title[1:], credit, source, folder / record["mask"], folder / truth)
