from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from rorem.errors import BadData, BadMask, BadPicture
from rorem.evaluation.samples import decode, objects_in
from rorem.picture import to_rgb
from tests.evaluation.sets import SIDE, png, scene, triplet


def test_a_record_becomes_pictures() -> None:
    source, mask, truth = scene(4)
    found = decode(triplet(4, category="disc", extra={"occluded": True}))
    assert (to_rgb(found.picture) == source).all() and (found.mask == mask).all()
    assert found.truth is not None and (found.truth == truth).all()
    assert (found.category, found.objects, found.occluded) == ("disc", 1, True)
    assert found.mask_share == pytest.approx(mask.mean())
    assert found.given is None


def test_what_the_set_says_counts_more_than_the_mask() -> None:
    assert decode(triplet(4, extra={"objects": 3})).objects == 3
    assert decode(triplet(4, extra={"objects": True})).objects == 1
    assert decode(triplet(4, extra={"objects": -2, "occluded": "yes"})).occluded is None


def test_things_are_counted_by_the_mask() -> None:
    mask = np.zeros((200, 200), bool)
    assert objects_in(mask) == 0
    mask[10:60, 10:60] = mask[120:180, 120:180] = True
    assert objects_in(mask) == 2
    mask[60:62, 10:60] = False
    mask[63:90, 10:60] = True  # nearly touches the first
    mask[100, 5] = True  # a speck
    assert objects_in(mask) == 2


def test_a_nearly_white_mask_is_not_taken_for_inverted() -> None:
    mask = np.ones((SIDE, SIDE), bool)
    mask[40:50, 40:50] = False
    assert decode(replace(triplet(1), mask=png(mask))).mask.sum() == mask.sum()


def test_bad_records_are_refused() -> None:
    one = triplet(1)
    with pytest.raises(BadPicture):
        decode(replace(one, source=b"no picture"))
    with pytest.raises(BadMask):
        decode(replace(one, mask=png(np.zeros((SIDE, SIDE), bool))))
    with pytest.raises(BadMask):
        decode(replace(one, mask=png(np.ones((SIDE, SIDE), bool))))
    with pytest.raises(BadData, match="truth of scene01 is 48 x 48"):
        decode(replace(one, truth=png(scene(1, 48)[2])))
