"""What is said of the layers: captions and, where somebody added them, categories.

Two kinds of files are read. CSV files with a column of paths, such as the meta_data.csv that MuLAn's script writes: a
row for each layer, by its file's name, and every other column is kept. ID.json: the text of MuLAn's own annotation,
{"image": {...}, "background": {...}, "instances": [{...}, ...]}, with the instances from the back to the front.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from data_tools.mulan.finding import Scene, layer_of
from data_tools.tally import Tally

PATHS = ("paths", "path", "file", "image")  # columns with the layer's file; the first that is there
CATEGORIES = ("category", "label", "class")
LONGEST = 10_000  # signs of a cell that are kept; captions are a few sentences
_MORE = "\0more"  # where the reader puts cells beyond the last column

Said = Mapping[str, str]


@dataclass
class Captions:
    """layers: by the photo's name and the layer's number. photos: of whole photos, by name."""

    layers: dict[tuple[str, int], Said] = field(default_factory=dict)
    photos: dict[str, Said] = field(default_factory=dict)

    def of(self, name: str, number: int) -> Said:
        return self.layers.get((name, number), {})


def category_of(said: Said) -> str:
    return next((said[key] for key in CATEGORIES if said.get(key)), "")


def read_captions(folder: Path, scenes: list[Scene], tally: Tally) -> Captions:
    """Of all CSV files right in the folder, and of the JSON file beside each photo's layers.

    Paths in them only name layers; they are never opened. What cannot be read is counted. Raises OSError.
    """
    captions = Captions()
    names = {scene.name for scene in scenes}
    for file in sorted(folder.glob("*.csv")):
        for path, said in _rows(file, tally):
            if layer := layer_of(path):
                captions.layers[layer] = {**captions.of(*layer), **said}
            elif (name := PurePosixPath(path.replace("\\", "/")).stem) in names:
                captions.photos[name] = said
    for scene in scenes:
        file = scene.layers[0].parent / f"{scene.name}.json"
        if file.is_file() and file.resolve().is_relative_to(folder.resolve()):
            _read_json(file, scene, captions, tally)
    return captions


def _rows(file: Path, tally: Tally) -> Iterator[tuple[str, Said]]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        rows = csv.DictReader(lines, restkey=_MORE, restval=None)
        try:
            column = next((name for name in PATHS if name in (rows.fieldnames or ())), None)
            if column is None:
                return
            for row in rows:
                path = row.pop(column, None)
                if not path or _MORE in row or None in row.values():
                    tally.add("broken rows of captions", f"{file.name}, line {rows.line_num}")
                    continue
                yield path, {key: value[:LONGEST] for key, value in row.items() if key and value}
        except csv.Error as error:
            tally.add("captions that cannot be read", file.name, str(error))


def _read_json(file: Path, scene: Scene, captions: Captions, tally: Tally) -> None:
    try:
        told = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        tally.add("captions that cannot be read", file.name)
        return
    told = told if isinstance(told, dict) else {}
    instances = told.get("instances", [])
    instances = list(instances.values()) if isinstance(instances, dict) else instances
    if not isinstance(instances, list) or len(instances) != len(scene.layers) - 1:
        tally.add("captions that do not fit the layers", file.name)
        return
    captions.photos[scene.name] = _texts(told.get("image"))
    for number, said in enumerate([told.get("background"), *instances]):
        captions.layers[scene.name, number] = _texts(said)


def _texts(said: object) -> Said:
    if not isinstance(said, dict):
        return {}
    return {str(key): value[:LONGEST] for key, value in said.items() if isinstance(value, str) and value}
