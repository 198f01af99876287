"""Every mask policy marks something, leaves something, and is the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.evaluation.policies import POLICIES, dilated, eroded, scribble, shifted, tight
from rorem.picture import to_rgb
from tests.evaluation.sets import sample


@pytest.mark.parametrize("name", POLICIES)
def test_the_same_sample_gets_the_same_mask(name: str) -> None:
    one, other = POLICIES[name](sample(3)), POLICIES[name](sample(3))
    assert one.dtype == bool and one.shape == sample(3).mask.shape
    assert (one == other).all()


def test_tight_is_the_thing_itself() -> None:
    one = sample(1)
    assert one.truth is not None
    changed = np.abs(to_rgb(one.picture).astype(int) - one.truth).max(axis=2) > 8
    assert (tight(one) == changed).all()
    assert tight(one).sum() < one.mask.sum()


def test_tight_without_truth_takes_off_a_rim() -> None:
    one = replace(sample(1), truth=None)
    inner = tight(one)
    assert 0 < inner.sum() < one.mask.sum() and not (inner & ~one.mask).any()


def test_they_grow_shrink_and_move() -> None:
    one = sample(2)
    assert (dilated(one) | ~one.mask).all() and dilated(one).sum() > one.mask.sum()
    assert not (eroded(one) & ~one.mask).any() and eroded(one).sum() < one.mask.sum()
    assert (shifted(one) != one.mask).any() and shifted(one).sum() == one.mask.sum()
    assert 0.2 < (scribble(one) & one.mask).sum() / one.mask.sum() < 1


def test_a_scribble_touches_every_thing() -> None:
    one = sample(2)
    mask = np.zeros_like(one.mask)
    mask[5:25, 5:25] = mask[60:90, 60:80] = True
    drawn = scribble(replace(one, mask=mask))
    assert drawn[5:25, 5:25].any() and drawn[60:90, 60:80].any()


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_and_everything_never_come_out(data: st.DataObject) -> None:
    one = sample(0)
    height, width = one.mask.shape
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    right, bottom = data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height))
    mask = np.zeros_like(one.mask)
    mask[top:bottom, left:right] = True
    if mask.all():
        return
    for name, policy in POLICIES.items():
        made = policy(replace(one, mask=mask))
        assert made.any() and not made.all(), name
