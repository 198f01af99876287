"""Sets of pairs: exact, the same every time, and finished after a run that was stopped."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from data_tools.synthesize import Settings, Summary, synthesize
from data_tools.synthesize.__main__ import app
from data_tools.synthesize.composing import Layer
from data_tools.synthesize.frozen.__main__ import app as frozen_app
from rorem.errors import BadData, BadOptions, RoremError
from rorem.triplet.folder import open_folder
from tests.data_tools.originals import cutout, folders, photo, write
from tests.tools.imports import ROOT

SMALL = Settings(sizes=(96, 128), seed=3)


@pytest.fixture
def originals(tmp_path: Path) -> tuple[Path, Path]:
    return folders(tmp_path)


def build(out: Path, originals: tuple[Path, Path], count: int = 6, settings: Settings = SMALL, **kwargs) -> Summary:
    photos, cutouts = originals
    return synthesize(out, [photos], [cutouts], count, settings, **kwargs)


def records(out: Path) -> list[dict]:
    return json.loads((out / "meta.json").read_text("utf-8"))


def picture(out: Path, path: str) -> np.ndarray:
    with Image.open(out / path) as opened:
        return np.asarray(opened)


def content(out: Path) -> dict[str, bytes]:
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def test_source_and_truth_differ_only_inside_the_mask(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, settings=Settings(sizes=(96, 128), several=0.5, occluded=0.5))
    assert len(records(out)) == 6
    for record in records(out):
        source, mask, truth = (picture(out, record[part]) for part in ("source", "mask", "truth"))
        assert source.shape == truth.shape == (record["size"], record["size"], 3)
        assert mask.dtype == bool and mask.shape == source.shape[:2]
        different = (source != truth).any(2)
        assert different.any(), "nothing was laid in"
        assert not (different & ~mask).any()
        assert record["mask_share"] == pytest.approx(mask.mean(), abs=1e-4)


def test_masks_reach_beyond_the_thing(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, settings=Settings(sizes=(128,), several=0, occluded=0))
    for record in records(out):
        source, mask, truth = (picture(out, record[part]) for part in ("source", "mask", "truth"))
        rows, columns = np.nonzero((source != truth).any(2))
        masked_rows, masked_columns = np.nonzero(mask)
        assert record["margin"] >= 3
        assert masked_rows.min() <= rows.min() - 2 and masked_rows.max() >= rows.max() + 2
        assert masked_columns.min() <= columns.min() - 2 and masked_columns.max() >= columns.max() + 2


def test_the_set_is_read_as_triplets(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, count=2)
    triplets = list(open_folder(out))
    assert len(triplets) == 2
    for triplet, record in zip(triplets, records(out), strict=True):
        assert not isinstance(triplet, BadData)
        assert triplet.name == record["name"] and triplet.id == record["id"]
        assert triplet.truth and triplet.result is None
        assert triplet.category and triplet.licence and triplet.author
        assert triplet.extra["objects"] == record["objects"] and triplet.extra["kind"] == record["kind"]


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    """In another place, too, where the files were written in another order."""
    other = tmp_path / "elsewhere" / "photos", tmp_path / "elsewhere" / "cutouts"
    for here, there in zip(originals, other, strict=True):
        there.mkdir(parents=True)
        for file in sorted(here.iterdir(), reverse=True):
            (there / file.name).write_bytes(file.read_bytes())
    build(tmp_path / "one", originals)
    build(tmp_path / "two", other)
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_another_seed_gives_another_set(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    build(tmp_path / "one", originals, 2)
    build(tmp_path / "two", originals, 2, Settings(sizes=(96, 128), seed=4))
    one, two = records(tmp_path / "one"), records(tmp_path / "two")
    assert {record["sha256_source"] for record in one}.isdisjoint(record["sha256_source"] for record in two)


def test_half_are_textured_and_half_structured(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    build(tmp_path / "out", originals)
    assert [record["kind"] for record in records(tmp_path / "out")] == ["texture", "structured"] * 3


def test_several_things(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, 4, Settings(sizes=(160,), several=1, occluded=0))
    for record in records(out):
        assert record["objects"] in (2, 3) and len(record["cutouts"]) == record["objects"]
        assert islands(picture(out, record["mask"])) == record["objects"]


def test_one_thing(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, 2, Settings(sizes=(160,), several=0, occluded=0))
    for record in records(out):
        assert record["objects"] == 1 and record["cutout"] == record["cutouts"][0]
        assert islands(picture(out, record["mask"])) == 1


def islands(mask: np.ndarray) -> int:
    import cv2

    return cv2.connectedComponents(mask.astype(np.uint8))[0] - 1


def test_what_stands_in_front_stays_in_the_truth(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    """What is in front is drawn in both pictures; only its surroundings are marked."""
    photos, cutouts = originals
    for file in cutouts.glob("*.png"):
        file.unlink()
    for file in photos.glob("*.png"):
        write(green(len(file.name)), file)
    write(solid(0), cutouts / "red.png")
    write(solid(2), cutouts / "blue.png")
    out = tmp_path / "out"
    build(out, (photos, cutouts), 4, Settings(sizes=(160,), several=0, occluded=1))
    for record in records(out):
        assert record["occluded"] is True and record["front"] != record["cutout"]
        source, mask, truth = (picture(out, record[part]) for part in ("source", "mask", "truth"))
        front = 2 if record["front"] == "blue.png" else 0  # the channel that it is strong in
        thing = 2 - front
        in_front, in_front_of_truth = strong(source, front), strong(truth, front)
        behind = strong(source, thing)
        assert in_front_of_truth.sum() > 50 and not strong(truth, thing).any()
        assert behind.sum() > 50 and mask[behind].all()
        assert (in_front == in_front_of_truth)[~mask].all()
        assert not mask[in_front].all(), "the mask covers what is seen of the thing, not what hides it"


def strong(rgb: np.ndarray, channel: int) -> np.ndarray:
    """Where one channel is far above the others. rgb: (H, W, 3)."""
    others = np.delete(rgb, channel, 2).max(2).astype(int)
    return rgb[..., channel].astype(int) - others > 90


def green(seed: int) -> np.ndarray:
    """A photo with nothing red or blue in it."""
    rgb = photo(seed, grain=40)
    grain = np.random.default_rng(seed).integers(-40, 41, rgb.shape)
    rgb[..., ::2] = np.clip(rgb[..., 1:2] // 2 + grain[..., ::2], 0, 255)
    return rgb


def solid(channel: int) -> np.ndarray:
    """A blob strong in one channel and weak in the others, with too much grain for a drawing."""
    rgba = cutout(0)
    rng = np.random.default_rng(channel)
    rgba[..., :3] = rng.integers(0, 80, rgba[..., :3].shape)
    rgba[..., channel] = rng.integers(170, 256, rgba.shape[:2])
    return rgba


def test_bad_files_are_told_and_left_out(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    photos, cutouts = originals
    (photos / "cut-off.png").write_bytes((photos / "hill.png").read_bytes()[:5000])
    (photos / "collection.rcc").write_bytes(b"qres\0\0")
    (cutouts / "text.png").write_text("no picture")
    told: list[str] = []
    summary = build(tmp_path / "out", originals, 2, on_bad=lambda name, error: told.append(name))
    assert sorted(told) == ["collection.rcc", "cut-off.png", "text.png"]
    assert [name for name, _ in summary.bad] == told and all(str(error) for _, error in summary.bad)
    assert len(summary.made) == 2 and summary.photos == 3 and summary.cutouts == 4 and not summary.failed


def test_drawings_and_plain_photos_are_no_cutouts(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    _, cutouts = originals
    flat = cutout(0)
    flat[..., :3] = (240, 200, 10)
    write(flat, cutouts / "drawing.png")
    write(photo(1, 200, 200), cutouts / "whole photo.png")
    write(cutout(1, 60, 50), cutouts / "tiny.png")
    write(cutout(2), cutouts / "cartoon" / "by its folder.png")
    assert build(tmp_path / "out", originals, 1).cutouts == 4


def test_categories_are_names_of_things(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    build(tmp_path / "out", originals, 12)
    names = {record["category"] for record in records(tmp_path / "out")}
    assert names <= {"red hen", "tin can", "bike", "old chair"} and len(names) > 1


@pytest.mark.parametrize("after", [1, 3, 5])
def test_a_stopped_run_is_taken_up(tmp_path: Path, originals: tuple[Path, Path], after: int) -> None:
    def stop(done: int, total: int) -> None:
        if done == after:
            raise KeyboardInterrupt

    build(tmp_path / "whole", originals)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        build(out, originals, on_sample=stop)
    assert not (out / "meta.json").exists()
    (out / "source" / ".00005_structured.png.99.part").write_bytes(b"half")  # of a run that was killed there
    kept = {file: file.stat().st_mtime_ns for file in (out / "TRUTH").glob("*")}
    summary = build(out, originals)
    assert len(summary.there) == after and len(summary.made) == 6 - after
    assert all(file.stat().st_mtime_ns == at for file, at in kept.items())
    assert content(out) == content(tmp_path / "whole")


def test_a_killed_run_is_taken_up(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    photos, cutouts = originals
    options = ["--photos", str(photos), "--cutouts", str(cutouts), "--count", "40", "--sizes", "128", "--seed", "3"]
    out = tmp_path / "out"
    command = [sys.executable, "-m", "data_tools.synthesize", "--out", str(out), *options]
    with subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as run:
        deadline = time.monotonic() + 120
        while len(list(out.glob(".records/*.json"))) < 3 and time.monotonic() < deadline and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    there = len(list(out.glob(".records/*.json")))
    assert 3 <= there < 40 and not (out / "meta.json").exists(), "it was killed too late"
    settings = Settings(sizes=(128,), seed=3)
    summary = build(out, originals, there + 2, settings)
    assert len(summary.there) == there and len(summary.made) == 2
    build(tmp_path / "whole", originals, there + 2, settings)
    assert content(out) == content(tmp_path / "whole")


def test_a_lost_picture_is_made_again(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, 3)
    before = content(out)
    next(iter((out / "TRUTH").iterdir())).unlink()
    assert len(build(out, originals, 3).made) == 1
    assert content(out) == before


def test_a_set_can_be_made_longer(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    build(tmp_path / "out", originals, 2)
    summary = build(tmp_path / "out", originals, 4)
    assert len(summary.there) == 2 and len(summary.made) == 2
    build(tmp_path / "whole", originals, 4)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.parametrize("change", ["seed", "file", "foreign"])
def test_a_set_of_another_kind_is_not_mixed(tmp_path: Path, originals: tuple[Path, Path], change: str) -> None:
    out = tmp_path / "out"
    build(out, originals, 2)
    before = content(out)
    settings = Settings(sizes=(96, 128), seed=9) if change == "seed" else SMALL
    if change == "file":
        write(photo(50), originals[0] / "another.png")
    if change == "foreign":
        (out / "meta.json").write_text('[{"source": "a.png", "mask": "b.png"}]')
        before = content(out)
    with pytest.raises(BadData, match="other settings"):
        build(out, originals, 3, settings)
    assert content(out) == before


def test_whose_the_files_are(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    out = tmp_path / "out"
    build(out, originals, 8)
    page = (out / "ATTRIBUTION.md").read_text("utf-8")
    rows = {
        cells[1]: cells[2:4] for cells in (re.split(r" ?(?<!\\)\| ?", row) for row in page.splitlines() if "|" in row)
    }
    used = {record["photo"] for record in records(out)} | {
        name for record in records(out) for name in record["cutouts"]
    }
    used |= {record["front"] for record in records(out)} - {None}
    assert set(rows) - {"file", "---"} == used
    assert rows["lake.png"] == ["Bo \\| Walker", "CC0-1.0"] and rows["hill.png"] == ["Ada Painter", "CC-BY-4.0"]
    for record in records(out):
        photographer, licence = (
            ("Bo | Walker", "CC0-1.0") if record["photo"] == "lake.png" else ("Ada Painter", "CC-BY-4.0")
        )
        assert record["author"] == f"{photographer}; unknown" and record["licence"] == f"{licence} AND unknown"


def test_a_look_goes_into_mask_and_source_alone(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    """Where later work adds shadows: what a removed thing draws beside itself goes with it."""

    def shadowed(ground: np.ndarray, layer: Layer) -> list[Layer]:
        dark = np.zeros((6, ground.shape[1], 4), np.uint8)
        dark[..., 3] = 100
        return [Layer(dark, 0, ground.shape[0] - 6, layer.removed), layer]

    settings = Settings(sizes=(128,), several=0, occluded=0)
    build(tmp_path / "plain", originals, 2, settings)
    build(tmp_path / "dark", originals, 2, settings, look=shadowed)
    for plain, dark in zip(records(tmp_path / "plain"), records(tmp_path / "dark"), strict=True):
        plain_truth, truth = picture(tmp_path / "plain", plain["truth"]), picture(tmp_path / "dark", dark["truth"])
        assert (plain_truth == truth).all()
        assert picture(tmp_path / "dark", dark["mask"])[-6:].all()
        assert not picture(tmp_path / "plain", plain["mask"])[-6:].all()


def test_no_photo_is_large_enough(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    with pytest.raises(BadData, match="No photo is large enough for 2048 pixels"):
        build(tmp_path / "out", originals, 1, Settings(sizes=(2048,)))
    assert not (tmp_path / "out" / "meta.json").exists()


@pytest.mark.parametrize("missing", ["photos", "cutouts"])
def test_nothing_to_build_from(tmp_path: Path, originals: tuple[Path, Path], missing: str) -> None:
    folder = originals[missing == "cutouts"]
    for file in folder.glob("*.png"):
        file.unlink()
    with pytest.raises(BadData, match="There are no"):
        build(tmp_path / "out", originals)
    with pytest.raises(BadData, match="There is no folder"):
        synthesize(tmp_path / "out", [tmp_path / "nowhere"], [originals[1]], 1)


@pytest.mark.parametrize("wrong", [{"sizes": ()}, {"sizes": (8,)}, {"seed": -1}, {"several": 1.5}, {"occluded": -0.1}])
def test_settings_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(BadOptions):
        Settings(**wrong)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_the_command(tmp_path: Path, originals: tuple[Path, Path]) -> None:
    photos, cutouts = originals
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    out = tmp_path / "out"
    words = ["--out", str(out), "--photos", str(photos), "--cutouts", str(cutouts), "--sizes", "96", "--count", "2"]
    code, said = run(*words)
    assert code == 0 and "broken.jpg is left out" in said
    assert "2 made." in said and "3 photos and 4 cut-outs" in said and "could not be used: 1." in said
    assert len(records(out)) == 2
    code, said = run(*words)
    assert code == 0 and "0 made, 2 there already." in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "This needs photos and cut-outs."),
        (("--photos", "nowhere", "--cutouts", "nowhere"), "There is no folder called nowhere."),
        (("--sizes", "big"), "--sizes takes numbers"),
        (("--sizes", "12"), "Sizes go from 64"),
    ],
)
def test_wrong_input_is_told_in_a_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    code, said = run("--out", str(tmp_path / "out"), *words)
    assert code == 2 and sentence in said and "Traceback" not in said


def test_samples_that_fail_are_told(
    tmp_path: Path, originals: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from data_tools.synthesize import building

    whole = building.make

    def sometimes(wish, stock, look):
        if wish.index == 1:
            raise RoremError("It did not work.", "Try again.")
        return whole(wish, stock, look)

    monkeypatch.setattr(building, "make", sometimes)
    photos, cutouts = originals
    words = ["--photos", str(photos), "--cutouts", str(cutouts), "--sizes", "96", "--count", "3"]
    code, said = run("--out", str(tmp_path / "out"), *words)
    assert code == 1 and "It did not work. Try again." in said and "2 made, 1 failed." in said
    assert len(records(tmp_path / "out")) == 2


def test_without_apt_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, said = run("--out", str(tmp_path / "out"), "--fetch", "--cache", str(tmp_path / "cache"))
    assert code == 2 and "apt-get is not on this machine" in said and "--photos" in said


def commands() -> list[list[str]]:
    page = (ROOT / "docs" / "synthesize.md").read_text("utf-8")
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return [shlex.split(line, comments=True) for line in "".join(blocks).splitlines()]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_commands_of_the_page_exist(words: list[str]) -> None:
    assert words[:2] == ["python", "-m"]
    which = {"data_tools.synthesize": app, "data_tools.synthesize.frozen": frozen_app}[words[2]]
    shown = CliRunner().invoke(which, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).output
    assert {word for word in words if word.startswith("-")} - {"-m"} <= set(re.findall(r"--[a-z]+", shown))


def test_the_page_tells_the_defaults() -> None:
    page = (ROOT / "docs" / "synthesize.md").read_text("utf-8")
    settings = Settings()
    for option, value in {
        "sizes": ",".join(map(str, settings.sizes)),
        "seed": settings.seed,
        "several": settings.several,
        "occluded": settings.occluded,
    }.items():
        assert f"| `--{option}` | {value} |" in page
