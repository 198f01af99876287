"""Three lines of Python: what goes in, what comes out, what is refused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rorem
from rorem.methods import catalog
from rorem.methods.entry import State

HIGH, WIDE = 72, 96
THING = np.s_[30:44, 40:58]
NEAR = np.s_[20:54, 30:68]  # the thing and more than the rim that may change


@pytest.fixture
def photo() -> np.ndarray:
    """A noisy slope with a red thing on it; uint8 RGB."""
    rng = np.random.default_rng(1)
    slope = np.linspace(80, 160, WIDE)[None, :, None] + rng.normal(0, 4, (HIGH, WIDE, 3))
    pixels = slope.clip(0, 255).astype(np.uint8)
    pixels[THING] = (250, 20, 20)
    return pixels


@pytest.fixture
def mask() -> np.ndarray:
    marked = np.zeros((HIGH, WIDE), bool)
    marked[THING] = True
    return marked


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def check_gone(removal: rorem.Removal, photo: np.ndarray) -> None:
    """The thing is gone and nothing else has changed."""
    after = removal.picture.colour
    assert after.shape == photo.shape and after.dtype == photo.dtype
    assert not ((after[THING][..., 0] > 200) & (after[THING][..., 1] < 60)).any()
    elsewhere = ~removal.hole
    assert (after[elsewhere] == photo[elsewhere]).all()
    outside = np.ones(photo.shape[:2], bool)
    outside[NEAR] = False
    assert not removal.hole[outside].any()


def test_three_lines_with_files(
    photo: np.ndarray, mask: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(png(photo))
    Path("mask.png").write_bytes(png(mask))
    removal, *others = rorem.remove("photo.png", "mask.png")
    removal.save("without.png")
    assert others == []
    check_gone(removal, photo)
    with Image.open("without.png") as saved:
        assert (np.asarray(saved) == removal.picture.colour).all()


FORMS: dict[str, Callable[[np.ndarray, Path], object]] = {
    "array": lambda array, folder: array,
    "bytes": lambda array, folder: png(array),
    "path": lambda array, folder: write(folder / "file.png", array),
    "text": lambda array, folder: str(write(folder / "file.png", array)),
    "picture": lambda array, folder: rorem.open_picture(png(array)),
}


def write(path: Path, array: np.ndarray) -> Path:
    path.write_bytes(png(array))
    return path


@pytest.mark.parametrize("form", FORMS)
def test_a_photo_in_every_form(form: str, photo: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    (removal,) = rorem.remove(FORMS[form](photo, tmp_path), mask)  # type: ignore[arg-type]
    check_gone(removal, photo)
    (same,) = rorem.remove(photo, mask)
    assert (same.picture.colour == removal.picture.colour).all()


@pytest.mark.parametrize("form", ["array", "bytes", "path", "text"])
def test_a_mask_in_every_form(form: str, photo: np.ndarray, mask: np.ndarray, tmp_path: Path) -> None:
    (removal,) = rorem.remove(photo, FORMS[form](mask, tmp_path))  # type: ignore[arg-type]
    check_gone(removal, photo)


@pytest.mark.parametrize("scale", [0.5, 2])
def test_a_mask_of_another_size(scale: float, photo: np.ndarray, mask: np.ndarray) -> None:
    size = round(WIDE * scale), round(HIGH * scale)
    other = Image.fromarray(mask).convert("L").resize(size, Image.Resampling.NEAREST)
    (removal,) = rorem.remove(photo, png(np.asarray(other)))
    check_gone(removal, photo)


def test_an_inverted_mask_is_understood_and_told(photo: np.ndarray, mask: np.ndarray) -> None:
    (removal,) = rorem.remove(photo, png(~mask))
    check_gone(removal, photo)
    assert any("inverted" in note for note in removal.notes)
    (told,) = rorem.remove(photo, png(~mask), polarity="black")
    check_gone(told, photo)
    assert told.notes == ()


def test_a_mask_in_the_alpha_channel(photo: np.ndarray, mask: np.ndarray) -> None:
    painted = np.zeros((HIGH, WIDE, 4), np.uint8)
    painted[mask] = (255, 0, 0, 255)
    (removal,) = rorem.remove(photo, png(painted))
    check_gone(removal, photo)


def test_a_photo_with_the_thing_cut_out_as_the_mask(photo: np.ndarray, mask: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    cut = np.dstack([rng.integers(0, 256, photo.shape, dtype=np.uint8), np.where(mask, 0, 255).astype(np.uint8)])
    (removal,) = rorem.remove(photo, png(cut))
    check_gone(removal, photo)
    assert any("cut out" in note for note in removal.notes)


def test_same_seed_same_result_and_candidates_count_up(photo: np.ndarray, mask: np.ndarray) -> None:
    first, second = rorem.remove(photo, mask, seed=5, candidates=2)
    assert (first.seed, second.seed) == (5, 6)
    (again,) = rorem.remove(photo, mask, seed=6)
    assert (again.picture.colour == second.picture.colour).all()


def test_a_method_without_seeds_gives_one_candidate(photo: np.ndarray, mask: np.ndarray) -> None:
    assert len(rorem.remove(photo, mask, "telea", candidates=3)) == 1


def test_the_best_comes_first_where_it_can_be_told(photo: np.ndarray, mask: np.ndarray) -> None:
    removals = rorem.remove(photo, mask, candidates=3, rank=lambda found: [one.seed == 1 for one in found])
    assert removals[0].seed == 1 and removals[0].score == 1


def test_settings_of_the_method_reach_it(photo: np.ndarray, mask: np.ndarray) -> None:
    (removal,) = rorem.remove(photo, mask, "telea", options={"radius": "9"})
    assert removal.options.model_dump() == {"radius": 9}


def test_a_cancelled_removal_stops(photo: np.ndarray, mask: np.ndarray) -> None:
    def stop(done: int, total: int) -> None:
        raise rorem.Cancelled

    with pytest.raises(rorem.Cancelled):
        rorem.remove(photo, mask, on_step=stop)


def test_steps_lead_from_nothing_to_everything(photo: np.ndarray, mask: np.ndarray) -> None:
    shares: list[float] = []
    rorem.remove(photo, mask, candidates=2, on_step=lambda done, total: shares.append(done / total))
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1


@pytest.fixture
def no_patchmatch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the default method does not run."""
    broken = replace(
        catalog.find("patchmatch"), probe=lambda: State("unavailable", "Its native library does not load here.")
    )
    monkeypatch.setattr(catalog, "ENTRIES", (broken, catalog.find("telea")))


@pytest.mark.usefixtures("no_patchmatch")
def test_another_method_takes_over_and_says_so(photo: np.ndarray, mask: np.ndarray) -> None:
    (removal,) = rorem.remove(photo, mask, options={"patch_size": 3})
    assert removal.method == "telea"
    check_gone(removal, photo)
    assert any("does not load here" in note and "Smooth fill" in note for note in removal.notes)


@pytest.mark.parametrize(
    ("changes", "error", "word"),
    [
        ({"picture": "missing.jpg"}, rorem.BadPicture, "missing.jpg"),
        ({"picture": "."}, rorem.BadPicture, "could not be read"),
        ({"picture": b"not a photo"}, rorem.BadPicture, "not a photo"),
        ({"picture": b""}, rorem.BadPicture, "empty"),
        ({"mask": "missing.png"}, rorem.BadMask, "missing.png"),
        ({"mask": np.zeros((HIGH, WIDE), bool)}, rorem.BadMask, "nothing"),
        ({"mask": np.ones((HIGH, WIDE), bool), "polarity": "white"}, rorem.BadMask, "whole photo"),
        ({"mask": np.ones((WIDE, HIGH), bool)}, rorem.BadMask, "shape"),
        ({"mask": np.zeros((2, HIGH, WIDE), bool)}, rorem.BadMask, "flat"),
        ({"avoid": np.zeros((5, 5), bool)}, rorem.BadMask, "do not fit"),
        ({"options": {"nope": 1}}, rorem.BadOptions, "nope"),
        ({"options": {"patch_size": 99}}, rorem.BadOptions, "patch_size"),
        ({"method": "nope"}, rorem.Unavailable, "nope"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(
    changes: dict[str, object], error: type[rorem.RoremError], word: str, photo: np.ndarray, mask: np.ndarray
) -> None:
    with pytest.raises(error, match=word) as raised:
        rorem.remove(**({"picture": photo, "mask": mask} | changes))  # type: ignore[arg-type]
    assert str(raised.value).endswith(".") and "\n" not in raised.value.advice


def test_nothing_that_was_given_is_changed(photo: np.ndarray, mask: np.ndarray) -> None:
    before, marked = photo.copy(), mask.copy()
    rorem.remove(photo, mask)[0].picture.colour.sum()
    assert (photo == before).all() and (mask == marked).all()
