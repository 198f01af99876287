"""What is said of the layers: captions and, where somebody added them, categories.

Two kinds of files are read. CSV files with a column of paths, such as the meta_data.csv that MuLAn's script writes: a
row for each layer, by its file's name, and every other column is kept. ID.json: the text of MuLAn's own annotation,
{"image": {...}, "background": {...}, "instances": [{...}, ...]}, with the instances from the back to the front.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from data_tools.mulan.finding import Scene, fault, id_of, layer_of, without_suffix
from data_tools.mulan.rows import read_rows
from data_tools.plain_files import files_below, read_bounded
from data_tools.tally import Tally
from rorem.errors import BadPicture

PATHS = ("paths", "path", "file", "image")  # columns with the layer's file; the first that is there
CATEGORIES = ("category", "label", "class")
NOTHING = "n/a"  # what MuLAn's files say where there is no caption
LONGEST = 10_000  # signs of a cell that are kept; captions are a few sentences
UNREADABLE, BROKEN = "captions that cannot be read", "broken rows of captions"
UNFIT, SEVERAL = "captions that do not fit the layers", "captions that fit several photos"

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
    """Of all CSV files, each for the layers beside and below it, and of the JSON file beside each photo's layers.

    Of two CSV files that tell of one layer, the nearer one counts. Paths in them only name layers; they are never
    opened. What cannot be read is counted. Raises OSError for folders.
    """
    captions = Captions()
    photos = defaultdict[str, list[Scene]](list)
    for scene in scenes:
        photos[id_of(scene.place)].append(scene)
    home = folder.resolve()
    for file in files_below(folder):
        if file.suffix.lower() == ".csv" and _may_read(file, home, tally):
            _read_csv(file, photos, captions, tally)
    for scene in scenes:
        file = scene.layers[0].parent / f"{id_of(scene.place)}.json"
        if os.path.lexists(file) and _may_read(file, home, tally):
            _read_json(file, scene, captions, tally)
    return captions


def _may_read(file: Path, home: Path, tally: Tally) -> bool:
    if wrong := fault(file, home):
        tally.add(wrong, file.name)
    return not wrong


def _read_csv(file: Path, photos: Mapping[str, Sequence[Scene]], captions: Captions, tally: Tally) -> None:
    def begins(path: str) -> bool:
        return bool(layer_of(path) or ("." in path and id_of(without_suffix(path)) in photos))

    try:
        for row in read_rows(file, PATHS, begins):
            where = f"{file.name}, line {row.line}"
            if not row.path:
                tally.add(BROKEN, where)
                continue
            place, number = layer_of(row.path) or (without_suffix(row.path), None)
            found = _meant(place, file.parent, photos.get(id_of(place), ()))
            if len(found) > 1:
                tally.add(SEVERAL, where, row.path)
            for scene in found if len(found) == 1 else ():
                if number is None:
                    captions.photos[scene.name] = _texts(row.cells)
                else:
                    captions.layers[scene.name, number] = {**captions.of(scene.name, number), **_texts(row.cells)}
    except OSError as error:
        tally.add(UNREADABLE, file.name, (error.strerror or str(error)).lower())


def _meant(place: str, folder: Path, photos: Sequence[Scene]) -> Sequence[Scene]:
    """Which photo of one id a file in that folder tells of: one below it whose place has most in common with the told
    one, and of these the nearest. Several where that does not say."""
    below = [scene for scene in photos if scene.layers[0].is_relative_to(folder)]
    if len(below) < 2:
        return below
    ranks = [(_in_common(place, scene.place), -len(scene.layers[0].parts)) for scene in below]
    return [scene for scene, rank in zip(below, ranks, strict=True) if rank == max(ranks)]


def _in_common(one: str, other: str) -> int:
    """How many names at the end of two places are the same."""
    pairs = zip(reversed(one.split("/")), reversed(other.split("/")), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _read_json(file: Path, scene: Scene, captions: Captions, tally: Tally) -> None:
    try:
        told = json.loads(read_bounded(file))
    except (BadPicture, OSError, ValueError, RecursionError):
        tally.add(UNREADABLE, file.name)
        return
    told = told if isinstance(told, dict) else {}
    instances = told.get("instances", [])
    instances = list(instances.values()) if isinstance(instances, dict) else instances
    if not isinstance(instances, list) or len(instances) != len(scene.layers) - 1:
        tally.add(UNFIT, file.name)
        return
    captions.photos[scene.name] = _texts(told.get("image"))
    for number, said in enumerate([told.get("background"), *instances]):
        captions.layers[scene.name, number] = _texts(said)


def _texts(said: object) -> Said:
    if not isinstance(said, Mapping):
        return {}
    texts = {str(key): value for key, value in said.items() if key and isinstance(value, str) and value}
    return {key: value[:LONGEST] for key, value in texts.items() if value.strip().casefold() != NOTHING}
