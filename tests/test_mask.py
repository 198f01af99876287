"""From marks to holes and weights, and from marks to clusters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.errors import BadMask
from rorem.mask import MOST_CLUSTERS, Cluster, check, close_gaps, clusters, context, grow_or_shrink, masks

KINDS = ("pixel", "specks", "blobs", "border", "noise", "nearly full", "stripes")


def drawn(kind: str, width: int, height: int, seed: int) -> np.ndarray:
    """A mask of some kind, bool (height, width), with at least one pixel."""
    random = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    if kind == "noise":
        mask = (random.random((height, width)) < random.random()).astype(np.uint8)
    elif kind == "nearly full":
        mask[:] = 1
        mask[random.integers(height), random.integers(width)] = 0
    elif kind == "border":
        mask[0], mask[:, -1] = 1, 1
    elif kind == "stripes":
        mask[:: random.integers(2, 90)] = 1
    elif kind == "blobs":
        for x, y in random.integers(0, (width, height), (random.integers(1, 300), 2)):
            cv2.circle(mask, (int(x), int(y)), int(random.integers(1, 2 + max(width, height) // 20)), 1, -1)
    elif kind == "specks":
        count = random.integers(2, 400)
        mask[random.integers(0, height, count), random.integers(0, width, count)] = 1
    mask[random.integers(height), random.integers(width)] |= kind != "nearly full" or mask.size == 1
    return mask > 0


@st.composite
def drawings(draw: st.DrawFn, longest: int = 600) -> np.ndarray:
    width, height = draw(st.integers(1, longest)), draw(st.integers(1, longest))
    return drawn(draw(st.sampled_from(KINDS)), width, height, draw(st.integers(0, 2**31)))


def laid_out(found: list[Cluster], shape: tuple[int, ...]) -> np.ndarray:
    """In how many clusters each pixel is."""
    counts = np.zeros(shape, int)
    for cluster in found:
        counts[cluster.box.slices] += cluster.marked
    return counts


@settings(max_examples=60)
@given(drawings(200), st.integers(0, 30))
def test_each_mask_lies_inside_the_next(user: np.ndarray, grow: int) -> None:
    three = masks(user, grow)
    assert three.marked.dtype == three.hole.dtype == np.bool_ and three.weight.dtype == np.float32
    assert not (user & ~three.marked).any() and not (three.marked & ~three.hole).any()
    assert (three.weight[three.marked] == 1).all()
    assert np.array_equal(three.weight > 0, three.hole)
    assert three.weight.min() >= 0 and three.weight.max() == 1


@settings(max_examples=40)
@given(drawings(120), st.integers(0, 12))
def test_the_hole_reaches_exactly_as_far_as_asked(user: np.ndarray, grow: int) -> None:
    three = masks(user, grow)
    disc = np.hypot(*np.mgrid[-grow : grow + 1, -grow : grow + 1]) <= grow
    expected = cv2.dilate(three.marked.astype(np.uint8), disc.astype(np.uint8), borderValue=0) > 0
    assert np.array_equal(three.hole, expected)


def test_the_weight_falls_evenly_to_the_edge_of_the_hole() -> None:
    user = np.zeros((41, 41), bool)
    user[20, 20] = True
    weight = masks(user, 4).weight[20, 20:26]
    assert weight == pytest.approx([1, 0.8, 0.6, 0.4, 0.2, 0], abs=1e-6)


def test_without_growing_nothing_but_the_mark_is_filled() -> None:
    user = drawn("noise", 50, 40, 1)
    three = masks(user, 0)
    assert np.array_equal(three.marked, user) and np.array_equal(three.hole, user)


def test_slits_between_strokes_are_closed_and_wide_gaps_are_not() -> None:
    user = np.zeros((60, 100), bool)
    user[10:50, 10:40] = user[10:50, 46:60] = user[10:50, 80:90] = True
    closed = close_gaps(user, 3)
    assert closed[15:45, 40:46].all()
    assert not closed[:, 61:79].any()
    assert not closed[:9].any() and not closed[51:].any()


def test_small_holes_are_filled_and_large_ones_and_bays_stay_open() -> None:
    ring = np.zeros((90, 90), bool)
    ring[10:80, 10:80] = True
    ring[40:49, 40:49] = False  # 81 px: could have been left between two strokes
    assert close_gaps(ring, 3)[40:49, 40:49].all()
    frame = np.zeros((90, 90), bool)
    frame[10:80, 10:80] = True
    frame[16:74, 16:74] = False
    assert not close_gaps(frame, 3)[24:66, 24:66].any()
    bay = ring.copy()
    bay[40:49, :49] = False
    assert not close_gaps(bay, 3)[43:46, :44].any()


def test_what_is_enclosed_only_with_the_help_of_the_border_stays_open() -> None:
    user = np.ones((60, 60), bool)
    user[25:34, :9] = user[:9, 25:34] = user[25:34, -9:] = user[-9:, 25:34] = False
    open_still = ~close_gaps(user, 3)
    assert open_still[29, 0] and open_still[0, 29] and open_still[29, -1] and open_still[-1, 29]


@settings(max_examples=40)
@given(drawings(120), st.integers(0, 9))
def test_closing_gaps_only_adds_and_keeps_to_the_marks(user: np.ndarray, radius: int) -> None:
    before = user.copy()
    closed = close_gaps(user, radius)
    assert np.array_equal(user, before)
    assert closed.dtype == np.bool_ and closed.shape == user.shape and not (user & ~closed).any()
    rows, columns = np.nonzero(user)
    added = np.argwhere(closed)
    assert (added.min(axis=0) >= (rows.min(), columns.min())).all()
    assert (added.max(axis=0) <= (rows.max(), columns.max())).all()


@settings(max_examples=40)
@given(drawings(100), st.integers(1, 9))
def test_a_mark_made_wider_and_narrower_changes_by_so_many_pixels(user: np.ndarray, pixels: int) -> None:
    assert grow_or_shrink(user, 0) is user
    wider, narrower = grow_or_shrink(user, pixels), grow_or_shrink(user, -pixels)
    assert not (user & ~wider).any() and not (narrower & ~user).any()
    disc = (np.hypot(*np.mgrid[-pixels : pixels + 1, -pixels : pixels + 1]) <= pixels).astype(np.uint8)
    assert np.array_equal(wider, cv2.dilate(user.astype(np.uint8), disc, borderValue=0) > 0)
    if not user.all():
        assert np.array_equal(narrower, cv2.erode(user.astype(np.uint8), disc, borderValue=1) > 0)


def test_nothing_marked_stays_nothing() -> None:
    nothing = np.zeros((5, 7), bool)
    assert not grow_or_shrink(nothing, 3).any() and not grow_or_shrink(nothing, -3).any()


@settings(max_examples=60)
@given(drawings(), st.sampled_from([None, 64, 512, 1024]))
def test_every_marked_pixel_is_in_exactly_one_cluster(mask: np.ndarray, native: int | None) -> None:
    found = clusters(mask, native)
    assert 1 <= len(found) <= MOST_CLUSTERS
    assert np.array_equal(laid_out(found, mask.shape), mask.astype(int))
    for cluster in found:
        assert cluster.marked.shape == (cluster.box.height, cluster.box.width)
        assert cluster.box == cluster.box.clipped(mask.shape[1], mask.shape[0])
        for edge in (cluster.marked[0], cluster.marked[-1], cluster.marked[:, 0], cluster.marked[:, -1]):
            assert edge.any(), "the box is not tight"
    places = [(cluster.box.top, cluster.box.left) for cluster in found]
    assert places == sorted(places)


@pytest.mark.parametrize("density", [1e-5, 1e-4, 1e-3, 0.05, 0.5])
def test_dust_all_over_a_large_photo_is_a_bounded_number_of_clusters(density: float) -> None:
    mask = np.random.default_rng(7).random((3000, 5000), np.float32) < density
    found = clusters(mask, 512)
    assert len(found) <= MOST_CLUSTERS
    assert sum(int(cluster.marked.sum()) for cluster in found) == mask.sum()
    if density < 0.01:  # the specks lie apart: one window around them all would lose the photo's detail
        assert max(cluster.box.side for cluster in found) < 1500


def test_one_speck_more_than_the_limit_does_not_turn_the_photo_into_one_thing() -> None:
    def largest(count: int) -> int:
        mask = np.zeros((2600, 2600), bool)
        places = np.arange(count)
        mask[places // 12 * 200 + 50, places % 12 * 200 + 50] = True
        return max(cluster.box.side for cluster in clusters(mask, 64))

    assert largest(MOST_CLUSTERS) == 1
    assert largest(MOST_CLUSTERS + 1) < 600


def test_near_marks_are_one_cluster_and_far_ones_two() -> None:
    mask = np.zeros((600, 3000), bool)
    mask[100:120, 100:120] = mask[100:120, 160:180] = mask[100:120, 2800:2810] = True
    near, far = clusters(mask, 512)
    assert (near.box.left, near.box.right) == (100, 180)
    assert (far.box.left, far.box.right) == (2800, 2810)


def test_a_speck_beside_a_large_thing_costs_the_large_thing_no_detail() -> None:
    mask = np.zeros((2000, 2000), bool)
    mask[800:1200, 800:1200] = mask[1000:1004, 1300:1304] = mask[100:110, 100:110] = True
    found = clusters(mask, 512)
    assert {cluster.box.side for cluster in found} == {504, 10}


def test_context_is_the_size_of_the_thing_but_never_little() -> None:
    sides = [cluster.box for cluster in clusters(drawn("pixel", 9, 9, 0))]
    assert context(sides[0]) == 128
    assert context(sides[0].grown(500)) == 1001


def test_check_takes_a_mask_that_marks_and_leaves_something() -> None:
    check(drawn("pixel", 30, 20, 0), 30, 20)
    check(drawn("nearly full", 30, 20, 0), 30, 20)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((20, 30), bool), "Nothing is marked"),
        (np.ones((20, 30), bool), "whole photo"),
        (np.ones((30, 20), bool), "20 x 30"),
        (np.ones((20, 30), np.uint8), "yes-or-no"),
        (np.ones((20, 30, 1), bool), "yes-or-no"),
        (np.ones((1, 1), bool), "1 x 1"),
    ],
)
def test_check_refuses_in_one_sentence(mask: np.ndarray, words: str) -> None:
    with pytest.raises(BadMask, match=words) as refused:
        check(mask, 30, 20)
    assert str(refused.value).endswith(".") and refused.value.fix
