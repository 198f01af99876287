"""Pairs in high resolution: the photo's own pixels, sharp things, and every photo told that gives none."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from data_tools.hires import Settings, hires
from data_tools.hires.__main__ import app
from data_tools.hires.building import BAD_CUTOUT, COUNT
from data_tools.hires.photos import ELSEWHERE, NO_FILE, photos_in
from data_tools.hires.settings import STEP
from data_tools.tally import Tally
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.originals import cutout, photo, write
from tests.tools.imports import ROOT

SMALL = Settings(least=192, largest=256)


def div2k(where: Path, count: int = 3) -> Path:
    """As the archives lie beside each other when they are unpacked."""
    for number in range(1, count + 1):
        write(photo(number, 320, 270), where / "DIV2K_train_HR" / f"{number:04}.png")
        write(photo(number, 80, 67), where / "DIV2K_train_LR_bicubic" / "X4" / f"{number:04}x4.png")
    return where


def things(where: Path) -> Path:
    for number, name in enumerate(("red_hen", "tin-can", "chair")):
        write(cutout(10 + number), where / f"{name}.png")
    return where


@pytest.fixture
def stock(tmp_path: Path) -> tuple[Path, Path]:
    return div2k(tmp_path / "photos"), things(tmp_path / "cutouts")


def triplets(out: Path) -> list[Triplet]:
    return [one for one in open_set(str(out)) if isinstance(one, Triplet)]


def pixels(data: bytes | None) -> np.ndarray:
    assert data
    return np.asarray(Image.open(io.BytesIO(data)))


def test_the_truth_is_the_photo_pixel_for_pixel(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    settings = Settings(least=192, largest=256, occluded=0)
    summary = hires([stock[0]], [stock[1]], tmp_path / "out", settings=settings)
    assert (summary.pairs, summary.made, summary.photos, summary.cutouts) == (3, 3, 3, 3)
    for one in triplets(tmp_path / "out"):
        source, mask, truth, effect = map(pixels, (one.source, one.mask, one.truth, one.effect))
        assert source.shape == truth.shape == (256, 256, 3) and mask.dtype == effect.dtype == bool
        assert not ((source != truth).any(2) & ~(mask | effect)).any() and (source != truth).any()
        left, top, side = one.extra["crop"]  # pyright: ignore[reportGeneralTypeIssues]
        whole = pixels((stock[0] / str(one.extra["photo"]).partition("/")[2]).read_bytes())
        assert (whole[top : top + side, left : left + side] == truth).all() and side == 256
        assert one.accepted_by == "truth" and one.result is None and one.category
        assert one.extra["matched"] is one.extra["shadow"] is True


def test_small_copies_are_passed_over(stock: tuple[Path, Path]) -> None:
    found = photos_in([stock[0]], Tally())
    assert sorted(one.key for one in found) == [f"photos/DIV2K_train_HR/{number:04}.png" for number in (1, 2, 3)]


def test_two_sets_side_by_side(tmp_path: Path) -> None:
    div2k(tmp_path / "a", 1)
    write(photo(9, 320, 270), tmp_path / "Flickr2K" / "Flickr2K_HR" / "0001.png")
    folders = [tmp_path / "a" / "DIV2K_train_HR", tmp_path / "Flickr2K" / "Flickr2K_HR"]
    assert len(photos_in(folders, Tally())) == 2
    with pytest.raises(BadData, match="Two photos are called"):
        photos_in([folders[0], folders[0]], Tally())


def test_things_are_never_enlarged(tmp_path: Path) -> None:
    write(photo(1, 560, 480), tmp_path / "photos" / "0001.png")
    write(cutout(1), tmp_path / "cutouts" / "hen.png")
    settings = Settings(least=448, largest=448, several=0, occluded=0, matched=False, shadow=False, per_photo=6)
    hires([tmp_path / "photos"], [tmp_path / "cutouts"], tmp_path / "out", 6, settings)
    found = triplets(tmp_path / "out")
    assert sorted(one.name for one in found) == [
        "photos/0001.png",
        *(f"photos/0001.png-{number}" for number in range(2, 7)),
    ]
    for one in found:
        rows, columns = np.nonzero((pixels(one.source) != pixels(one.truth)).any(2))
        assert np.ptp(columns) < 150 and np.ptp(rows) < 130 and one.effect is None


def test_photos_that_give_none_are_told(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    home = stock[0] / "DIV2K_train_HR"
    write(photo(1, 150, 140), home / "0004.png")
    (home / "0005.png").write_bytes((home / "0001.png").read_bytes()[:4000])
    write(np.dstack([photo(1, 320, 270), np.full((270, 320), 9, np.uint8)]), home / "0006.png")
    write(photo(5, 720, 710), home / "0007.png")
    outside = write(photo(1, 320, 270), tmp_path / "outside.png")
    (home / "0008.png").symlink_to(outside)
    (stock[1] / "text.png").write_text("no picture")
    write(photo(1, 200, 200), stock[1] / "whole.png")
    summary = hires([stock[0]], [stock[1]], tmp_path / "out", settings=Settings(least=192, largest=2048, several=0))
    assert dict(summary.left_out.counts) == {
        "photos too small": 1,
        "photos that cannot be read": 1,
        "photos with transparent parts": 1,
        ELSEWHERE: 1,
        BAD_CUTOUT: 2,
    }
    assert summary.pairs == 4
    wide = Settings(least=640, largest=2048)
    summary = hires([stock[0]], [stock[1] / ".." / "cutouts"], tmp_path / "wide", settings=wide)
    assert summary.pairs == 1, "its cut-outs are an 8th of it"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
def test_names_without_a_file_are_counted_and_the_rest_goes_on(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    home = stock[0] / "DIV2K_train_HR"
    (home / "0004.png").symlink_to(home / "nowhere.png")
    (home / "0005.png").symlink_to(home / "0005.png")
    os.mkfifo(home / "0006.png")
    summary = hires([stock[0]], [stock[1]], tmp_path / "out", settings=SMALL)
    assert summary.pairs == summary.photos == 3 and dict(summary.left_out.counts) == {NO_FILE: 3}
    assert summary.left_out.examples[NO_FILE][0] == "DIV2K_train_HR/0004.png"


def test_no_two_photos_share_a_name(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    home = tmp_path / "alike"
    for number, name in enumerate(("a.png", "a.jpg", "a-2.png")):
        write(photo(number, 320, 270), home / name)
    settings = Settings(least=192, largest=256, per_photo=2)
    summary = hires([home], [stock[1]], tmp_path / "out", settings=settings)
    assert summary.pairs == summary.made == 6 and not summary.left_out.total
    named = {one.name: one.extra["photo"] for one in triplets(tmp_path / "out")}
    assert all(name in (photo, f"{photo}-2") for name, photo in named.items()) and len(set(named.values())) == 3


def test_a_set_never_has_more_than_it_should(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    def run(count: int) -> tuple[int, int]:
        told: list[tuple[int, int]] = []
        summary = hires(
            [stock[0]], [stock[1]], tmp_path / "out", count, SMALL, lambda done, total: told.append((done, total))
        )
        assert all(done <= total <= count for done, total in told)
        return summary.pairs, summary.made

    assert run(2) == (2, 2)
    for number in range(4, 12):
        write(photo(number, 320, 270), stock[0] / "DIV2K_train_HR" / f"{number:04}.png")
    assert run(2) == (2, 0) and run(4) == (4, 2) and run(1) == (4, 0)
    for number in range(1, 11):
        (stock[0] / "DIV2K_train_HR" / f"{number:04}.png").unlink()
    pairs, made = run(9)
    assert pairs == 4 + made and made <= 1, "one photo is left"


def test_cutouts_that_would_be_specks(tmp_path: Path) -> None:
    write(photo(5, 1400, 1300), tmp_path / "photos" / "0001.png")
    write(cutout(1), tmp_path / "cutouts" / "hen.png")
    summary = hires([tmp_path / "photos"], [tmp_path / "cutouts"], tmp_path / "out")
    assert summary.pairs == 0 and dict(summary.left_out.counts) == {
        "photos too large for the cut-outs that there are": 1
    }


def content(out: Path) -> dict[str, bytes]:
    return {
        file.relative_to(out).as_posix(): file.read_bytes()
        for file in sorted(out.rglob("*"))
        if file.is_file() and not file.name.startswith(".")
    }


def test_a_stopped_run_is_taken_up_and_a_set_grows(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    hires([stock[0]], [stock[1]], tmp_path / "whole", settings=SMALL)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        hires([stock[0]], [stock[1]], out, settings=SMALL, on_step=stop)
    assert not (out / "meta.json").exists()
    summary = hires([stock[0]], [stock[1]], out, settings=SMALL)
    assert (summary.pairs, summary.made) == (3, 1) and content(out) == content(tmp_path / "whole")
    first = hires([stock[0]], [stock[1]], tmp_path / "few", 1, SMALL)
    assert first.pairs == 1
    hires([stock[0]], [stock[1]], tmp_path / "few", 3, SMALL)
    assert content(tmp_path / "few") == content(out)
    with pytest.raises(BadData, match="other settings"):
        hires([stock[0]], [stock[1]], out, settings=Settings(least=192, largest=256, seed=1))


@given(st.integers(1, 9000), st.integers(64, 2048), st.integers(64, 4096))
def test_sides(shorter: int, least: int, largest: int) -> None:
    try:
        settings = Settings(least, largest)
    except BadOptions:
        assert least > largest or not any(side % STEP == 0 for side in range(least, largest + 1))
        return
    side = settings.side_for(shorter)
    assert side == max((one for one in range(STEP, min(shorter, largest) + 1, STEP) if one >= least), default=0)


WRONG = {"least": 10}, {"least": 3000}, {"largest": 9000}, {"several": 2}, {"per_photo": 0}, {"seed": -1}


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_settings_that_make_no_sense(wrong: dict) -> None:
    with pytest.raises(BadOptions):
        Settings(**wrong)


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def test_the_command(tmp_path: Path, stock: tuple[Path, Path]) -> None:
    sizes = ("--least", "192", "--largest", "256", "--out", str(tmp_path / "out"))
    code, said = run(str(stock[0]), "--cutouts", str(stock[1]), *sizes, "--count", "2")
    assert code == 0 and "2 pairs made." in said and "There were 3 photos and 3 cut-outs." in said
    code, said = run(str(stock[0]), "--cutouts", str(stock[1]), *sizes)
    assert code == 0 and "1 pairs made, 2 there already." in said
    assert len(json.loads((tmp_path / "out" / "meta.json").read_text())) == 3
    code, said = run(str(tmp_path / "nowhere"), "--cutouts", str(stock[1]), *sizes)
    assert code == 2 and "There is no folder called" in said
    code, said = run(str(stock[0]), "--cutouts", str(stock[0] / "DIV2K_train_HR"), *sizes)
    assert code == 2 and "no cut-outs" in said
    (tmp_path / "empty").mkdir()
    code, said = run(str(tmp_path / "empty"), "--cutouts", str(stock[1]), *sizes)
    assert code == 2 and "no photos in full size" in said


def test_the_page_tells_the_defaults_and_real_commands() -> None:
    page = (ROOT / "docs" / "data" / "hires.md").read_text("utf-8")
    settings = Settings()
    defaults = {name.replace("_", "-"): getattr(settings, name) for name in settings.__dataclass_fields__}
    for name, value in {**defaults, "count": COUNT}.items():
        if not isinstance(value, bool):
            assert f"| `--{name}` | {value} |" in page
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for words in (shlex.split(line, comments=True) for line in "".join(blocks).splitlines()):
        assert words[:3] == ["python", "-m", "data_tools.hires"]
        shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}).output
        assert {word for word in words if word.startswith("--")} <= set(re.findall(r"--[a-z-]+", shown))
