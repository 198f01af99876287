"""Finding decomposed photos in a folder: ID-layer_0.png is the ground, ID-layer_1.png and so on lie over it.

That is what the authors' own script writes. A folder ID with layer_0.png, layer_1.png ... in it is taken, too.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from data_tools.plain_files import files_below
from data_tools.tally import Tally
from rorem.errors import BadData

LAYER = re.compile(r"(?:(?P<id>.+)-)?layer_(?P<number>\d{1,4})\.png", re.IGNORECASE)
NO_GROUND = "photos without a ground (layer 0)"
GAP = "photos with a layer missing"
ALONE = "photos with nothing over the ground"
LINK = "links out of the folder"
GONE = "files that are not there"  # links that lead nowhere
TWICE = "layers there twice"


@dataclass(frozen=True)
class Scene:
    """A decomposed photo. place: where it lies below the folder, with its id at the end, such as "coco/000000000139".
    name: unlike all others; the id alone if no other photo has it. layers: files from the back to the front, the
    ground first."""

    place: str
    name: str
    layers: Sequence[Path]


def layer_of(path: str) -> tuple[str, int] | None:
    """The photo's place, with its id at the end, and the layer's number that a file's path stands for; None for other
    files. "coco/139-layer_0.png" and "coco/139/layer_0.png" are both of "coco/139"."""
    *folders, file = re.split(r"[/\\]", path)
    found = LAYER.fullmatch(file)
    place = found and "/".join([*folders, found["id"]] if found["id"] else folders)
    return (place, int(found["number"])) if found and place else None


def id_of(place: str) -> str:
    return place.rpartition("/")[2]


def without_suffix(path: str) -> str:
    """The place of a photo that is told by its file's path."""
    whole = PurePosixPath(path.replace("\\", "/"))
    return str(whole.parent / whole.stem)


def fault(file: Path, home: Path) -> str:
    """The kind of what keeps a file from being read, "" for a sound one. home: the folder, resolved, to stay in."""
    try:
        if not file.is_file():
            return GONE
        return "" if file.resolve().is_relative_to(home) else LINK
    except OSError:  # it leads to where nobody lets us look
        return GONE


def find_scenes(folder: Path, tally: Tally) -> list[Scene]:
    """All whole decompositions below a folder, by their places; the others are counted.

    Raises BadData if there is no such folder, or nothing of the kind in it; OSError for folders.
    """
    if not folder.is_dir():
        raise BadData(f"There is no folder called {folder}.", "Check the name.")
    found: dict[str, dict[int, Path]] = {}
    packed = False
    home, own = folder.resolve(), Path(os.path.abspath(folder)).name
    for file in files_below(folder):
        packed = packed or file.name.endswith((".p.zl", ".p"))
        inner = file.relative_to(folder).as_posix()
        told = layer_of(inner) or layer_of(f"{own}/{inner}")  # the folder itself may be that of one photo
        if told is None:
            continue
        place, number = told
        if wrong := fault(file, home):
            tally.add(wrong, inner)
        elif number in found.setdefault(place, {}):
            tally.add(TWICE, inner)
        else:
            found[place][number] = file
    if not found:
        what = "annotations alone, which are pickles and are not opened" if packed else "no layers"
        fix = "Run MuLAn's script dataset_decomposition.py first; it writes 000000000139-layer_0.png and so on."
        raise BadData(f"{folder} holds {what}.", fix)
    whole = dict(_whole(found, tally))
    ids = Counter(map(id_of, whole))
    return [Scene(place, place if ids[id_of(place)] > 1 else id_of(place), layers) for place, layers in whole.items()]


def _whole(found: Mapping[str, Mapping[int, Path]], tally: Tally) -> Iterator[tuple[str, Sequence[Path]]]:
    for place, layers in sorted(found.items()):
        if 0 not in layers:
            tally.add(NO_GROUND, place)
        elif len(layers) == 1:
            tally.add(ALONE, place)
        elif set(layers) != set(range(len(layers))):
            missing = min(set(range(len(layers))) - set(layers))
            tally.add(GAP, place, f"layer {missing}")
        else:
            yield place, [layers[number] for number in range(len(layers))]
