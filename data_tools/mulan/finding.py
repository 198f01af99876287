"""Finding decomposed photos in a folder: ID-layer_0.png is the ground, ID-layer_1.png and so on lie over it.

That is what the authors' own script writes. A folder ID with layer_0.png, layer_1.png ... in it is taken, too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_tools.tally import Tally
from rorem.errors import BadData

LAYER = re.compile(r"(?:(?P<id>.+)-)?layer_(?P<number>\d{1,4})\.png", re.IGNORECASE)
NO_GROUND = "photos without a ground (layer 0)"
GAP = "photos with a layer missing"
ALONE = "photos with nothing over the ground"
LINK = "links out of the folder"
TWICE = "layers there twice"


@dataclass(frozen=True)
class Scene:
    """A decomposed photo. name: unlike all others. layers: files from the back to the front, the ground first."""

    name: str
    layers: Sequence[Path]


def layer_of(path: str) -> tuple[str, int] | None:
    """The photo's id and the layer's number that a file's path stands for; None for other files."""
    *folders, file = re.split(r"[/\\]", path)
    found = LAYER.fullmatch(file)
    name = found and (found["id"] or (folders[-1] if folders else ""))
    return (name, int(found["number"])) if found and name else None


def find_scenes(folder: Path, tally: Tally) -> list[Scene]:
    """All whole decompositions below a folder, by name; the others are counted.

    Raises BadData if there is no such folder, or nothing of the kind in it; OSError.
    """
    if not folder.is_dir():
        raise BadData(f"There is no folder called {folder}.", "Check the name.")
    found: dict[str, dict[int, Path]] = {}
    packed = False
    for file in _files(folder):
        packed = packed or file.name.endswith((".p.zl", ".p"))
        told = layer_of(file.relative_to(folder.parent).as_posix())
        if told is None:
            continue
        name, number = told
        if not file.resolve().is_relative_to(folder.resolve()):
            tally.add(LINK, str(file.relative_to(folder)))
        elif number in found.setdefault(name, {}):
            tally.add(TWICE, str(file.relative_to(folder)))
        else:
            found[name][number] = file
    if not found:
        what = "annotations alone, which are pickles and are not opened" if packed else "no layers"
        fix = "Run MuLAn's script dataset_decomposition.py first; it writes 000000000139-layer_0.png and so on."
        raise BadData(f"{folder} holds {what}.", fix)
    return list(_whole(found, tally))


def _whole(found: dict[str, dict[int, Path]], tally: Tally) -> Iterator[Scene]:
    for name, layers in sorted(found.items()):
        if 0 not in layers:
            tally.add(NO_GROUND, name)
        elif len(layers) == 1:
            tally.add(ALONE, name)
        elif set(layers) != set(range(len(layers))):
            missing = min(set(range(len(layers))) - set(layers))
            tally.add(GAP, name, f"layer {missing}")
        else:
            yield Scene(name, [layers[number] for number in range(len(layers))])


def _files(folder: Path) -> Iterator[Path]:
    """All files, in order, without hidden ones. Raises OSError."""

    def give_up(error: OSError) -> None:
        raise error

    for where, below, files in os.walk(folder, onerror=give_up):
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield from (Path(where, name) for name in sorted(files) if not name.startswith("."))
