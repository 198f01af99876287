"""The best and worst removals are the best and worst ones, and their pictures show the place."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
from PIL import Image

from rorem.errors import BadPicture
from rorem.evaluation.cases import SIDE, Case, CasePictures, choose, data_uri, show
from rorem.evaluation.summary import summarize
from tests.evaluation.made_rows import DEFINITIONS, row, several

PSNR = DEFINITIONS["psnr_hole/gt"]
CASE = Case("0" * 64, "pair", "a", "as given", 0, 1.0)


def chosen(values: list[float | None], metric: str = PSNR.id, count: int = 3) -> tuple[list[str], list[str]]:
    best, worst = choose(summarize(several(metric, values), DEFINITIONS), DEFINITIONS[metric], "a", count)
    return [one.name[-1] for one in best], [one.name[-1] for one in worst]


def test_best_and_worst() -> None:
    values = [5.0, 1.0, 9.0, math.inf, 3.0, 7.0, None, 2.0]
    assert chosen(values, count=2) == (["3", "2"], ["1", "7"])
    assert chosen(values, "latency", 2) == (["1", "7"], ["3", "2"])
    assert chosen([-5.0, 0.1, 4.0, -0.2], "seam", 2) == (["1", "3"], ["0", "2"])


def test_a_case_tells_the_distance_that_it_was_chosen_by() -> None:
    rows = several("seam", [-5.0, 0.1, 4.0, -0.2])
    best, worst = choose(summarize(rows, DEFINITIONS), DEFINITIONS["seam"], "a", 2)
    assert [one.value for one in (*best, *worst)] == [0.1, 0.2, 5.0, 4.0]


def test_no_picture_is_in_both_lists() -> None:
    assert [chosen([float(at) for at in range(count)]) for count in (1, 2, 3)] == [
        (["0"], []),
        (["1"], ["0"]),
        (["2", "1"], ["0"]),
    ]


def test_of_several_seeds_the_telling_one_is_shown() -> None:
    rows = [row(PSNR.id, value, at // 2, seed=at % 2) for at, value in enumerate((1.0, 9.0, 5.0, 5.0, 4.0, 6.0))]
    best, worst = choose(summarize(rows, DEFINITIONS), PSNR, "a")
    assert [(one.name, one.seed, one.value) for one in best] == [("pair-00", 1, 9.0), ("pair-02", 1, 6.0)]
    assert [(one.name, one.seed, one.value) for one in worst] == [("pair-01", 1, 5.0)]


def test_what_says_nothing_by_itself_has_no_cases() -> None:
    assert chosen([1.0, 2.0], "levels") == ([], [])


def pictures(height: int, width: int) -> CasePictures:
    source = np.full((height, width, 3), 90, np.uint8)
    mask = np.zeros((height, width), bool)
    mask[height // 2 : height // 2 + 20, width // 4 : width // 4 + 30] = True
    return CasePictures(source, mask, np.where(mask[..., None], np.uint8(200), source), source)


def decoded(uri: str) -> np.ndarray:
    head, data = uri.split(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


@pytest.mark.parametrize(("height", "width"), [(2000, 3000), (64, 48), (21, 5000)])
def test_pictures_are_small_and_show_the_place(height: int, width: int) -> None:
    found = show(CASE, lambda case: pictures(height, width))
    source, result, truth = (decoded(uri).astype(int) for _, uri in found.pictures)
    assert [caption for caption, _ in found.pictures] == ["Source", "Result", "Truth"]
    assert source.shape == result.shape == truth.shape and max(source.shape) <= SIDE
    assert result.max() > 180 and truth.max() < 110  # the fill is in sight
    assert (abs(source - truth).max(axis=2) > 60).mean() > 0.002  # and so is the outline


def test_a_large_mask_shows_the_whole_picture_made_smaller() -> None:
    source = np.zeros((800, 1200, 3), np.uint8)
    mask = np.ones((800, 1200), bool)
    mask[:10] = False
    found = show(CASE, lambda case: CasePictures(source, mask, source))
    assert [decoded(uri).shape for _, uri in found.pictures] == [(213, 320, 3)] * 2


def refuse(case: Case) -> CasePictures:
    raise BadPicture("It is damaged.")


def test_what_cannot_be_shown_says_why() -> None:
    odd = pictures(60, 60)
    assert show(CASE, lambda case: None).trouble
    assert show(CASE, refuse).trouble == "It is damaged."
    assert show(CASE, lambda case: CasePictures(odd.source, odd.mask, odd.result[1:])).trouble
    assert show(CASE, lambda case: CasePictures(odd.source, odd.mask & False, odd.result)).trouble


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert data_uri(pictures(40, 60).result) == data_uri(pictures(40, 60).result)
