"""What is in an evaluation set stays out of a round, whatever of it is damaged and wherever its photos turn up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_tools.round import Inputs, Made, Settings, make
from data_tools.round.choosing import LIKE_PHOTO, SAME_PHOTO
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.round.sets import candidate, file, mask, photo, rows, start

JPEG = {"format": "JPEG", "quality": 70}


def made(tmp_path: Path, previous: list[Triplet], evaluation: list[Triplet], settings: Settings | None = None) -> Made:
    inputs = Inputs(
        previous=[rows(tmp_path / "before", previous)], keep_out=[rows(tmp_path / "evaluation", evaluation)]
    )
    return make(tmp_path / "out", inputs, settings or Settings(), cache=tmp_path / "cache")


def out_of(made: Made) -> dict[str, int]:
    return {step["what"]: step["out"] for step in made.manifest["steps"] if step["out"]}


@pytest.mark.parametrize(
    "damage",
    [
        lambda one: replace(one, mask=file(np.full((48, 48), 255, np.uint8))),
        lambda one: replace(one, mask=b"no mask"),
        lambda one: replace(one, network_calls=2**40),
        lambda one: replace(one, seed=2**70),
        lambda one: replace(one, category="half a sign \ud800"),
        lambda one: replace(one, truth=file(photo(2)[:5, :5])),
    ],
)
def test_a_damaged_record_keeps_its_photo_out(tmp_path: Path, damage: Callable[[Triplet], Triplet]) -> None:
    told = made(tmp_path, [candidate(1), candidate(2), candidate(3)], [damage(start(1)), start(4)])
    assert "photo 1" not in [one.name for one in open_set(str(tmp_path / "out")) if isinstance(one, Triplet)]
    assert out_of(told)[SAME_PHOTO] >= 1 and not told.amiss.total


@pytest.mark.parametrize(
    "damage",
    [
        lambda one: replace(one, source=b"no photo"),
        lambda one: replace(one, truth=b"no photo"),
        lambda one: replace(one, result=b"no photo"),
    ],
)
def test_a_photo_that_cannot_be_known_again_ends_the_run(tmp_path: Path, damage: Callable[[Triplet], Triplet]) -> None:
    with pytest.raises(BadData, match=r"1 of 2 records of the evaluation set .* cannot be kept out: start 1"):
        made(tmp_path, [candidate(1), candidate(3)], [damage(start(1)), start(4)])
    assert not (tmp_path / "out").exists()


def test_a_record_that_cannot_be_read_ends_the_run(tmp_path: Path) -> None:
    evaluation = Path(rows(tmp_path / "evaluation", [start(1), start(4)]))
    next((evaluation / "mask").glob("start 1*")).unlink()
    inputs = Inputs(previous=[rows(tmp_path / "before", [candidate(3)])], keep_out=[str(evaluation)])
    with pytest.raises(BadData, match="cannot be kept out: start 1") as caught:
        make(tmp_path / "out", inputs, cache=tmp_path / "cache")
    assert "data_tools.check" in caught.value.fix


@pytest.mark.parametrize("role", ["source", "truth", "result"])
@pytest.mark.parametrize("kept", ["source", "truth", "result"])
def test_a_photo_of_the_evaluation_set_stays_out_in_any_role(tmp_path: Path, role: str, kept: str) -> None:
    """A clean photo is the truth of one record and the source, or the published answer, of another."""
    clean = photo(90)
    same = replace(candidate(1), **{role: file(clean)}, accepted_by="human")
    like = replace(candidate(2, mask=mask(20, 20)), **{role: file(clean, **JPEG)}, accepted_by="human")  # pyright: ignore[reportArgumentType]
    evaluation = replace(start(50), **{kept: file(clean)})
    told = made(tmp_path, [same, like, candidate(3)], [evaluation])
    assert out_of(told) == {SAME_PHOTO: 1, LIKE_PHOTO: 1}
    assert [one.name for one in open_set(str(tmp_path / "out")) if isinstance(one, Triplet)] == ["photo 3"]


def test_near_duplicates_may_stay_and_evaluation_photos_may_not(tmp_path: Path) -> None:
    again = replace(start(1), source=file(photo(1), **JPEG))  # pyright: ignore[reportArgumentType]
    told = made(tmp_path, [candidate(1), candidate(3)], [again], Settings(near=None))
    assert out_of(told) == {LIKE_PHOTO: 1}
    assert told.manifest["settings"]["near"] is None and told.manifest["settings"]["keep_out_near"] == 6


def test_how_near_has_bounds() -> None:
    for bits in (-1, 17):
        with pytest.raises(BadOptions):
            Settings(keep_out_near=bits)


def test_what_is_known_of_an_evaluation_set_is_kept(tmp_path: Path) -> None:
    """And not taken for what is known of it as a set that comes in."""
    both = [candidate(1), candidate(2)]
    looked: list[int] = []
    for _ in range(2):
        with pytest.raises(BadData, match="Nothing is left"):
            inputs = Inputs(previous=[rows(tmp_path / "a", both)] if not looked else [str(tmp_path / "a")])
            inputs = Inputs(previous=inputs.previous, keep_out=inputs.previous)
            looked.clear()
            make(tmp_path / "out", inputs, cache=tmp_path / "cache", on_look=lambda done, total: looked.append(done))
    assert looked == [2, 4]
