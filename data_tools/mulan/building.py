"""A set of pairs from a folder of layer decompositions."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from data_tools.mulan.captions import Captions, category_of, read_captions
from data_tools.mulan.choosing import Choice, chosen, is_of
from data_tools.mulan.finding import Scene, find_scenes
from data_tools.mulan.layering import Stack, hidden_share, pair_without, seen
from data_tools.plain_files import AGAIN, journal_lines, png
from data_tools.set_folder import OTHER, SetFolder
from data_tools.tally import Tally
from rorem.errors import BadData, BadPicture
from rorem.mask import grow_or_shrink
from rorem.opacity import opacity_of
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet

OnStep = Callable[[int, int], None]
EDITION = 2  # raised by whoever changes what the same files and settings give
LICENCE = "CC-BY-NC-SA-4.0"  # of MuLAn; the photos under it have their own
JOURNAL = ".photos.jsonl"  # a line for each photo that is done, with what was left out of it

UNREADABLE = "photos whose layers cannot be read"
UNLIKE = "photos with layers of different sizes"
OPAQUE = "photos with a layer that has no transparency"
CLEAR = "photos with a transparent ground"
UNWANTED = "layers of other categories"
HIDDEN = "layers that nothing is seen of"
SMALL, LARGE = "layers too small to be removed", "layers that cover too much"


@dataclass
class Summary:
    """What became of a run. made: names of pairs. there: how many were there before. left_out: by kind."""

    made: list[str] = field(default_factory=list)
    there: int = 0
    left_out: Tally = field(default_factory=Tally)


def mulan(
    folder: Path,
    out: Path,
    choice: Choice = Choice(),  # noqa: B008
    licence: str = LICENCE,
    on_step: OnStep = lambda done, total: None,
) -> Summary:
    """Writes a pair for each chosen layer of each photo below `folder` to `out`, a set of triplets with a truth.

    The same files and settings give the same bytes; a run that was stopped is taken up by the same call. on_step may
    raise, to stop. Raises BadData if there are no layers, nothing to write, or another set in the way; OSError.
    """
    summary = Summary()
    scenes = find_scenes(folder, summary.left_out)
    captions = read_captions(folder, scenes, summary.left_out)
    made_with = _made_with(scenes, captions, choice, licence)
    with SetFolder(out, made_with) as set_:
        done = dict(_done(out, made_with))
        with (out / JOURNAL).open("ab") as journal:
            for number, scene in enumerate(scenes):
                on_step(number, len(scenes))
                told = done.get(scene.name)
                if told and all(name in set_.records for name in told["pairs"]):
                    summary.there += len(told["pairs"])
                else:
                    mine = Tally()
                    names = _add(set_, _pairs(scene, captions, choice, licence, mine), summary)
                    told = {"made_with": made_with, "photo": scene.name, "pairs": names}
                    told |= {"counts": dict(mine.counts), "examples": mine.examples}
                    if not mine.counts[UNREADABLE]:  # that may be mended, and is looked at again
                        journal.write(json.dumps(told).encode() + b"\n")
                        journal.flush()
                        os.fsync(journal.fileno())
                summary.left_out.join(Tally(Counter(told["counts"]), told["examples"]))
        on_step(len(scenes), len(scenes))
        if not set_.records:
            raise BadData("No layer can be removed.", "; ".join(summary.left_out.lines()))
        set_.finish()
    return summary


def read_stack(scene: Scene) -> Stack:
    """The layers of a photo. Raises BadPicture for files that cannot be read, BadData for layers that do not fit."""
    ground = open_picture(scene.layers[0])
    if opacity_of(ground) is not None:
        raise BadData(CLEAR)
    layers = []
    for path in scene.layers[1:]:
        layer = open_picture(path)
        if layer.size != ground.size:
            raise BadData(UNLIKE)
        alpha = opacity_of(layer)
        if alpha is None:
            raise BadData(OPAQUE)
        layers.append(np.dstack([to_rgb(layer), alpha]))
    return Stack(to_rgb(ground), layers)


def _done(out: Path, made_with: str) -> Iterator[tuple[str, Mapping]]:
    """What became of photos that are done, by their names. Raises BadData for those of another set, OSError."""
    for line in journal_lines(out / JOURNAL):
        if line.get("made_with") != made_with:
            raise BadData(f"{out} holds a set made of other files or with other settings.", OTHER)
        if not {"photo", "pairs", "counts", "examples"} <= line.keys():
            raise BadData(f"{out / JOURNAL} is damaged.", AGAIN)
        yield line["photo"], line


def _add(set_: SetFolder, pairs: Iterator[Triplet], summary: Summary) -> list[str]:
    """Writes those that are not there yet; the names of all."""
    names = []
    for pair in pairs:
        names.append(pair.name)
        if pair.name in set_.records:
            summary.there += 1
        else:
            set_.add(pair)
            summary.made.append(pair.name)
    return names


def _pairs(scene: Scene, captions: Captions, choice: Choice, licence: str, tally: Tally) -> Iterator[Triplet]:
    try:
        stack = read_stack(scene)
    except BadPicture as error:
        tally.add(UNREADABLE, scene.name, str(error))
        return
    except BadData as error:
        tally.add(str(error), scene.name)
        return
    visible = seen(stack, choice.threshold, choice.smallest)
    areas: dict[int, int] = {}
    for number, mask in enumerate(visible):
        name = _name(scene, number)
        if not is_of(captions.of(scene.name, number + 1), choice.categories):
            tally.add(UNWANTED, name)
        elif kind := _unfit(mask, choice):
            tally.add(kind, name)
        else:
            areas[number] = int(mask.sum())
    for number in chosen(scene.name, areas, choice):
        yield _triplet(scene, stack, number, visible[number], captions, choice, licence)


def _unfit(mask: np.ndarray, choice: Choice) -> str:
    share = float(mask.mean())
    if not share:
        return HIDDEN
    if share < choice.least:
        return SMALL
    return LARGE if share > choice.most or grow_or_shrink(mask, choice.margin).all() else ""


def _triplet(
    scene: Scene,
    stack: Stack,
    number: int,
    visible: np.ndarray,
    captions: Captions,
    choice: Choice,
    licence: str,
) -> Triplet:
    pair = pair_without(stack, number, visible, choice.margin)
    said = captions.of(scene.name, number + 1)
    hidden = hidden_share(stack, number, visible, choice.threshold)
    extra: dict[str, object] = {
        "photo": scene.name,
        "layer": number + 1,
        "layers": len(scene.layers),
        "mask_share": round(float(pair.mask.mean()), 4),
        "hidden_share": round(hidden, 4),
        "occluded": hidden > 0.01,  # less is the soft rim of what lies beside
        "captions": dict(said),
        "captions_photo": dict(captions.photos.get(scene.name, {})),
        "captions_ground": dict(captions.of(scene.name, 0)),
        "margin": choice.margin,
    }
    return Triplet(
        _name(scene, number),
        png(pair.source),
        png(pair.mask.astype(np.uint8) * np.uint8(255)),
        truth=png(pair.truth),
        accepted_by="truth",
        category=category_of(said),
        licence=licence,
        extra=extra,
    )


def _name(scene: Scene, number: int) -> str:
    return f"{scene.name}-layer_{number + 1}"


def _made_with(scenes: Sequence[Scene], captions: Captions, choice: Choice, licence: str) -> str:
    """A hash of all that decides what a pair becomes; of files their names and sizes. Raises OSError."""
    whole = hashlib.sha256(json.dumps([EDITION, asdict(choice), licence]).encode())
    for scene in scenes:
        told = [[path.name, path.stat().st_size] for path in scene.layers]
        said = [dict(captions.of(scene.name, number)) for number in range(len(scene.layers))]
        whole.update(json.dumps([scene.name, told, said, dict(captions.photos.get(scene.name, {}))]).encode())
    return whole.hexdigest()
