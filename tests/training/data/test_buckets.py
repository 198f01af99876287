"""Shapes for photos that keep about their own."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.data.buckets import nearest, shapes


@given(st.integers(1, 20), st.sampled_from([8, 16, 64]), st.floats(1, 4))
def test_shapes_have_about_one_area(times: int, step: int, ratio: float) -> None:
    size = times * step
    found = shapes(size, step, ratio)
    assert (size, size) in found and len(found) == len(set(found))
    for high, wide in found:
        assert high % step == wide % step == 0 and 0 < high * wide <= size * size
        assert max(high, wide) <= ratio * min(high, wide)
        assert (wide, high) in found


def test_sdxl_at_512() -> None:
    found = shapes(512, 64, 2)
    assert (512, 512) in found and (384, 640) in found and (640, 384) in found and (704, 320) not in found


def test_the_nearest_shape() -> None:
    among = shapes(512, 64, 2)
    widths, heights = np.array([500, 1600, 900, 6000, 10]), np.array([510, 900, 1600, 100, 10])
    found = [among[number] for number in nearest(widths, heights, among)]
    assert found[0] == found[4] == (512, 512)
    assert found[1] == (384, 640) and found[2] == (640, 384)
    assert found[3] == among[-1]
