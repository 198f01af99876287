"""Pairs of RORD: real ones, corrected where that is asked for, and every frame told."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data_tools.rord import Settings, rord
from data_tools.rord.__main__ import app
from data_tools.rord.layout import NO_FILE, NO_MASK
from data_tools.rord.pairing import BORDER, CHANGED, DRIFTED, LIGHT, SAME, SHARE
from data_tools.rord.picking import ALIKE, BLURRED
from data_tools.rord.reading import SIZES, UNREADABLE
from rorem.errors import BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.rord.made import (
    HEIGHT,
    WANDER,
    WIDTH,
    Shot,
    from_ai_hub,
    jpg,
    marked,
    place,
    png,
    published,
    save,
    seen,
)
from tests.tools.imports import ROOT


def triplets(out: Path) -> Mapping[str, Triplet]:
    """By the number of the frame, "F0001"."""
    return {one.name.rpartition("_")[2]: one for one in open_set(str(out)) if isinstance(one, Triplet)}


def pixels(data: bytes | None) -> np.ndarray:
    assert data
    return np.asarray(Image.open(io.BytesIO(data)))


def off(one: np.ndarray, two: np.ndarray, where: np.ndarray) -> float:
    return float(np.abs(one.astype(int) - two).max(2)[where].mean())


@pytest.mark.parametrize("white_goes", [False, True])
def test_frames_become_pairs(tmp_path: Path, white_goes: bool) -> None:
    published(tmp_path / "in", white_goes=white_goes)
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert (summary.pairs, summary.made, summary.scenes, summary.frames, summary.corrected) == (4, 4, 1, 4, 0)
    assert not summary.left_out.total
    for shot, one in zip(WANDER, triplets(tmp_path / "out").values(), strict=True):
        home = tmp_path / "in" / "train" / "img" / "MP_0001"
        assert one.source == (home / f"{one.name.rpartition('/')[2]}.jpg").read_bytes()
        assert one.truth == (home / "MP_0001_G0001.jpg").read_bytes() and one.result is None
        mask = pixels(one.mask)
        assert mask.dtype == bool and (mask & marked(shot, 1)).sum() == mask.sum() >= shot.width * shot.height
        assert one.category == "F38" and one.accepted_by == "truth"
        assert one.extra["scene"] == "train/MP_0001" and one.extra["mask_is"] == "outlines"
        assert one.extra["truth_is"] == "clean frame" and one.extra["corrected"] == []


def test_a_drifted_camera_is_corrected(tmp_path: Path) -> None:
    shot = Shot(100, 60, moved=(2.4, -1.3))
    published(tmp_path / "in", (*WANDER[:1], shot), clean=Shot())
    assert rord(tmp_path / "in", tmp_path / "out").corrected == 1
    one = triplets(tmp_path / "out")["F0002"]
    assert one.extra["drift"] == pytest.approx([2.4, -1.3], abs=0.1) and one.extra["corrected"] == ["drift"]
    known, truth = seen(place(0), shot, False), pixels(one.truth)
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    assert off(truth, known, everywhere) < 5 < off(pixels_of_clean(tmp_path / "in"), known, everywhere)
    assert off(truth, pixels(one.source), ~marked(shot, 8)) < 5


def pixels_of_clean(folder: Path) -> np.ndarray:
    return pixels((folder / "train" / "img" / "MP_0001" / "MP_0001_G0001.jpg").read_bytes())


def test_another_exposure_is_corrected(tmp_path: Path) -> None:
    shot = Shot(100, 60, light=(0.8, 0.9, 1.1))
    published(tmp_path / "in", (*WANDER[:1], shot))
    rord(tmp_path / "in", tmp_path / "out")
    one = triplets(tmp_path / "out")["F0002"]
    assert one.extra["gain"] == pytest.approx([0.8, 0.9, 1.1], abs=0.03) and one.extra["corrected"] == ["exposure"]
    everywhere = np.ones((HEIGHT, WIDTH), bool)
    assert off(pixels(one.truth), seen(place(0), shot, False), everywhere) < 6


@pytest.mark.parametrize(
    ("shot", "kind"), [(Shot(100, moved=(2, 1)), DRIFTED), (Shot(100, light=(0.8, 0.8, 0.8)), LIGHT)], ids=str
)
def test_what_is_off_is_dropped_or_kept(tmp_path: Path, shot: Shot, kind: str) -> None:
    published(tmp_path / "in", (*WANDER[:1], shot))
    dropped = rord(tmp_path / "in", tmp_path / "dropped", Settings(drift="drop", exposure="drop"))
    assert dropped.pairs == 1 and dict(dropped.left_out.counts) == {kind: 1}
    kept = rord(tmp_path / "in", tmp_path / "kept", Settings(drift="keep", exposure="keep"))
    assert kept.pairs == 2 and kept.corrected == 0
    one = triplets(tmp_path / "kept")["F0002"]
    assert one.truth and one.truth.startswith(b"\xff\xd8") and one.extra["corrected"] == []
    assert one.extra["drift"] == pytest.approx(shot.moved, abs=0.1)


def test_far_drift_is_not_corrected(tmp_path: Path) -> None:
    published(tmp_path / "in", (*WANDER[:1], Shot(100, moved=(14, 0))))
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert dict(summary.left_out.counts) == {DRIFTED: 1} and summary.pairs == 1


def test_nothing_is_made_up_at_the_border(tmp_path: Path) -> None:
    published(tmp_path / "in", (*WANDER[:1], Shot(0, moved=(5, 0))))
    assert dict(rord(tmp_path / "in", tmp_path / "out").left_out.counts) == {BORDER: 1}


def test_blurred_and_alike_frames_are_left_out(tmp_path: Path) -> None:
    published(tmp_path / "in", (*WANDER, Shot(231), Shot(120, blur=2)))
    summary = rord(tmp_path / "in", tmp_path / "out", Settings(per_scene=9))
    assert dict(summary.left_out.counts) == {ALIKE: 1, BLURRED: 1} and summary.pairs == 4
    few = rord(tmp_path / "in", tmp_path / "few", Settings(per_scene=2))
    assert few.pairs == 2


def test_the_sharpness_that_decides_is_the_one_that_is_told(tmp_path: Path) -> None:
    published(tmp_path / "in", (Shot(20), Shot(150, blur=0.45)))
    rord(tmp_path / "in", tmp_path / "out", Settings(least_sharpness=0))
    shares = [one.extra["sharpness"] for one in triplets(tmp_path / "out").values()]
    assert sum(map(float, map(str, shares))) == pytest.approx(2, abs=0.002), "of the median, which lies half-way"
    least = float(str(min(map(str, shares))))
    assert 0.3 < least < 0.9
    assert rord(tmp_path / "in", tmp_path / "all", Settings(least_sharpness=least - 0.01)).pairs == 2
    few = rord(tmp_path / "in", tmp_path / "few", Settings(least_sharpness=least + 0.01))
    assert few.pairs == 1 and f"{least:.0%} of the usual" in few.left_out.examples[BLURRED][0]


def test_somebody_else_who_walks_by(tmp_path: Path) -> None:
    published(tmp_path / "in")
    file = tmp_path / "in" / "train" / "img" / "MP_0001" / "MP_0001_F0002.jpg"
    rgb = pixels(file.read_bytes()).copy()
    rgb[20:150, 220:300] = 190
    save(jpg(rgb), file)
    assert dict(rord(tmp_path / "in", tmp_path / "out").left_out.counts) == {CHANGED: 1}


def test_outlined_things_that_stay_are_not_marked(tmp_path: Path) -> None:
    shots = Shot(20, still=True), Shot(150, still=True)
    published(tmp_path / "one", shots)
    from_ai_hub(tmp_path / "two", shots)
    for name in ("one", "two"):
        rord(tmp_path / name, tmp_path / f"{name}-out")
        found = triplets(tmp_path / f"{name}-out")
        assert len(found) == 2 and all(one.extra["classes"] == ["F38"] for one in found.values())
        mask = pixels(found["F0001"].mask)
        assert not mask[:, mask.shape[1] * 7 // 8 :].any() and mask.any()


def test_without_outlines_the_loose_mask_is_taken(tmp_path: Path) -> None:
    published(tmp_path / "in", tuple(Shot(shot.left, outlined=False) for shot in WANDER[:2]))
    rord(tmp_path / "in", tmp_path / "out")
    one = triplets(tmp_path / "out")["F0001"]
    assert one.extra["mask_is"] == "loose" and one.category == "" and (pixels(one.mask) == marked(WANDER[0])).all()
    published(tmp_path / "outlined", WANDER[:2])
    rord(tmp_path / "outlined", tmp_path / "loose", Settings(masks="loose"))
    assert (pixels(triplets(tmp_path / "loose")["F0001"].mask) == marked(WANDER[0])).all()


def test_the_composed_truth(tmp_path: Path) -> None:
    published(tmp_path / "in", (*WANDER[:1], Shot(100, moved=(2, 1))), composed=True)
    rord(tmp_path / "in", tmp_path / "out", Settings(truth="composed"))
    one = triplets(tmp_path / "out")["F0002"]
    assert one.truth == (tmp_path / "in" / "train" / "gt" / "MP_0001" / "MP_0001_F0002.jpg").read_bytes()
    assert one.extra["truth_is"] == "composed" and one.extra["drift"] == pytest.approx([2, 1], abs=0.1)
    (tmp_path / "in" / "train" / "img" / "MP_0001" / "MP_0001_G0001.jpg").unlink()
    assert rord(tmp_path / "in", tmp_path / "without").pairs == 2
    assert triplets(tmp_path / "without")["F0001"].extra["truth_is"] == "composed"


def test_bad_files_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    shots = *WANDER, Shot(20, 10), Shot(90, 10), Shot(160, 10)
    published(tmp_path / "in", shots)
    home = tmp_path / "in" / "train"
    frame = home / "img" / "MP_0001" / "MP_0001_F0001.jpg"
    save(frame.read_bytes()[:900], frame)
    save(png(np.ones((8, 8), bool)), home / "mask" / "MP_0001" / "MP_0001_F0002_M.png")
    save(b"{", home / "label" / "MP_0001" / "MP_0001_F0003.json")
    for stem in ("MP_0001_F0004", "MP_0001_F0005"):
        (home / "label" / "MP_0001" / f"{stem}.json").unlink()
    save(png(np.ones((HEIGHT, WIDTH), bool)), home / "mask" / "MP_0001" / "MP_0001_F0004_M.png")
    tiny = np.ones((HEIGHT, WIDTH), bool)
    tiny[30:33, 40:43] = False
    save(png(tiny), home / "mask" / "MP_0001" / "MP_0001_F0005_M.png")
    summary = rord(tmp_path / "in", tmp_path / "out", Settings(per_scene=9, most_changed=1, least_sharpness=0))
    assert dict(summary.left_out.counts) == {UNREADABLE: 2, SIZES: 1, SAME: 1, SHARE: 1}
    assert sorted(triplets(tmp_path / "out")) == ["F0006", "F0007"]


def test_links_that_lead_nowhere_are_counted_and_the_rest_goes_on(tmp_path: Path) -> None:
    published(tmp_path / "in", composed=True)
    home = tmp_path / "in" / "train"
    lost = "img/MP_0001/MP_0001_F0009.jpg", "gt/MP_0001/MP_0001_F0002.jpg", "label/MP_0001/MP_0001_F0001.json"
    for name in (*lost, "mask/MP_0001/MP_0001_F0001_M.png"):
        (home / name).unlink(missing_ok=True)
        (home / name).symlink_to(home / "nowhere")
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert dict(summary.left_out.counts) == {NO_FILE: 4, NO_MASK: 1} and summary.pairs == 3
    assert {f"train/{name}" for name in lost} < set(summary.left_out.examples[NO_FILE])


def test_a_file_that_goes_while_others_are_looked_at(tmp_path: Path) -> None:
    for number in (1, 2):
        published(tmp_path / "in", WANDER[:2], scene=f"MP_{number}", seed=number)
    lost = tmp_path / "in" / "train" / "img" / "MP_2" / "MP_2_F0001.jpg"
    summary = rord(tmp_path / "in", tmp_path / "out", on_scene=lambda done, total: lost.unlink(missing_ok=True))
    assert summary.pairs == 3 and dict(summary.left_out.counts) == {UNREADABLE: 1}


def test_a_clean_frame_that_is_damaged(tmp_path: Path) -> None:
    published(tmp_path / "in")
    save(b"nothing", tmp_path / "in" / "train" / "img" / "MP_0001" / "MP_0001_G0001.jpg")
    summary = rord(tmp_path / "in", tmp_path / "out")
    assert summary.pairs == 0 and dict(summary.left_out.counts) == {UNREADABLE: 4}
    assert not (tmp_path / "out" / "meta.json").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"per_scene": 0},
        {"drift": "mend"},
        {"masks": "none"},
        {"truth": "gt"},
        {"least_sharpness": 2},
        {"most_changed": -1},
        {"most_drift": float("nan")},
    ],
    ids=str,
)
def test_settings_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(BadOptions):
        Settings(**wrong)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_the_command(tmp_path: Path) -> None:
    published(tmp_path / "in", (*WANDER[:2], Shot(150, blur=3)))
    out = str(tmp_path / "out")
    code, said = run(str(tmp_path / "in"), "--out", out)
    assert code == 0 and "2 pairs made, 0 with a corrected truth." in said and "From 3 frames of 1 scenes." in said
    assert f"1 {BLURRED}: train/MP_0001/MP_0001_F0003 (" in said
    code, said = run(str(tmp_path / "in"), "--out", out)
    assert code == 0 and "0 pairs made, 2 there already" in said
    code, said = run(str(tmp_path / "in"), "--out", out, "--drift", "drop")
    assert code == 2 and "other settings" in said
    code, said = run(str(tmp_path / "nowhere"), "--out", out)
    assert code == 2 and "no folder called" in said and "Traceback" not in said
    code, said = run(str(tmp_path / "in"), "--out", out, "--drift", "mend")
    assert code == 2 and "Choose from correct, drop, keep" in said


def test_the_page_tells_the_defaults() -> None:
    page = (ROOT / "docs" / "data" / "rord.md").read_text("utf-8")
    settings = Settings()
    for name in settings.__dataclass_fields__:
        assert f"| `--{name.replace('_', '-')}` | {getattr(settings, name)} |" in page
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for words in (shlex.split(line, comments=True) for line in "".join(blocks).splitlines()):
        assert words[:3] == ["python", "-m", "data_tools.rord"]
        shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).output
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))


def test_meta_json_says_what_was_done(tmp_path: Path) -> None:
    published(tmp_path / "in", WANDER[:1])
    rord(tmp_path / "in", tmp_path / "out")
    (record,) = json.loads((tmp_path / "out" / "meta.json").read_text())
    assert {"drift", "turn", "gain", "corrected", "sharpness", "changed_around", "mask_share", "scene"} <= set(record)
