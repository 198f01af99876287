"""The top of the library: one call that looks names up, opens files and removes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from rorem import judge, remover
from rorem.mask_file import Polarity, read_mask
from rorem.methods import catalog
from rorem.picture import Picture, from_rgb_array, open_picture
from rorem.remover import SAME_PIPELINE, Method, OnStep, Options, Rank, Removal, Road, no_step

Prepare = Callable[[str, Mapping[str, object]], tuple[Method, Options]]


def remove(
    picture: Picture | Path | str | bytes | np.ndarray,
    mask: Path | str | bytes | np.ndarray,
    method: str = catalog.DEFAULT,
    *,
    options: Mapping[str, object] | None = None,
    seed: int = 0,
    candidates: int = 1,
    avoid: np.ndarray | None = None,
    grow: int | None = None,
    polarity: Polarity = "auto",
    protocol: Road = SAME_PIPELINE,
    rank: Rank | Literal["judge"] | None = "judge",
    prepare: Prepare = catalog.prepare,
    on_step: OnStep = no_step,
) -> list[Removal]:
    """Removes what the mask marks from a photo.

    picture: a file, a `Picture`, or a uint8 RGB array (H, W, 3).
    mask: a file or an array, more means remove; of another size but the same shape it is resized.
    method: an id of the catalog. options: its settings by name.
    rank: puts several candidates into order. "judge" is RORem's discriminator, where its weights are on this machine; a
    note of each removal says if they are not. None leaves them in the order of their seeds.
    prepare: what makes a loaded method and its options of their names; a server may lend it a GPU.
    seed, candidates, avoid, grow, protocol, on_step: see `rorem.remover.remove`.
    Returns a list of removals, best first where `rank` can tell.
    Raises the errors of `rorem.errors`, each one plain sentence.
    """
    if isinstance(picture, np.ndarray):
        picture = from_rgb_array(picture)
    elif not isinstance(picture, Picture):
        picture = open_picture(picture)
    reading = read_mask(mask, picture.width, picture.height, polarity=polarity)
    loaded, chosen = prepare(method, options or {})
    judged = rank == "judge" and candidates > 1 and loaded.traits.seeded
    removals = remover.remove(
        picture,
        reading.mask,
        loaded,
        options=chosen,
        seed=seed,
        candidates=candidates,
        avoid=avoid,
        grow=grow,
        protocol=protocol,
        rank=rank if callable(rank) else None,
        on_step=judge.before(on_step) if judged else on_step,
    )
    if judged:
        removals = judge.best_first(removals, on_step)
    return [replace(one, notes=(*reading.notes, *one.notes)) for one in removals]
