"""Layers over each other: the order counts, and source and truth differ only in the mask."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from data_tools.mulan.layering import Stack, composite, hidden_share, pair_without, seen
from tests.data_tools.mulan.layers import HIGH, WIDE, ground, layer

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_the_last_layer_lies_on_top() -> None:
    stack = Stack(ground(), [layer(RED, 0, 0, 20, 20), layer(GREEN, 10, 0, 20, 20)])
    picture = composite(stack)
    assert (picture[0, 9] == RED).all() and (picture[0, 10] == GREEN).all() and (picture[0, 29] == GREEN).all()
    assert (picture[20:] == stack.ground[20:]).all()
    assert (composite(stack, 1)[0, 15] == RED).all()
    without = composite(stack, 0)
    assert (without[0, 5] == stack.ground[0, 5]).all() and (without[0, 15] == GREEN).all()


def test_only_what_nothing_hides_is_marked() -> None:
    stack = Stack(ground(), [layer(RED, 0, 0, 20, 20), layer(GREEN, 10, 0, 20, 20), layer(BLUE, 0, 0, 5, 20)])
    behind, front, first = seen(stack, 0.05, 0)
    wanted = np.zeros((HIGH, WIDE), bool)
    wanted[:20, 5:10] = True
    assert (behind == wanted).all()
    assert front.sum() == 400 and first.sum() == 100
    assert hidden_share(stack, 0, behind, 0.05) == 0.75 and hidden_share(stack, 1, front, 0.05) == 0


def test_glass_hides_only_some() -> None:
    stack = Stack(ground(), [layer(RED, 0, 0, 20, 20), layer(GREEN, 0, 0, 20, 20, alpha=200)])
    assert seen(stack, 0.05, 0)[0].sum() == 400  # 55 of 255 come through
    assert not seen(stack, 0.3, 0)[0].any()


def test_specks_and_breaths_are_no_part_of_the_thing_and_leave_no_trace() -> None:
    thing = layer(RED, 10, 10, 10, 10)
    thing[30, 40] = (*RED, 255)  # a speck
    thing[25, :] = (*RED, 5)  # 2 % of coverage
    stack = Stack(ground(), [thing])
    (visible,) = seen(stack, 0.05, 2 / (HIGH * WIDE))
    assert visible.sum() == 100 and visible[10:20, 10:20].all()
    pair = pair_without(stack, 0, visible, 2)
    assert pair.mask.sum() > 100 and (pair.truth == stack.ground).all()
    assert (pair.source[~pair.mask] == pair.truth[~pair.mask]).all()
    (both,) = seen(stack, 0.05, 1 / (HIGH * WIDE))
    assert both[30, 40] and both.sum() == 101


boxes = st.tuples(st.integers(0, WIDE - 1), st.integers(0, HIGH - 1), st.integers(1, 40), st.integers(1, 40))
stacks = st.lists(st.tuples(st.integers(0, 2**32 - 1), boxes, st.integers(0, 255)), min_size=1, max_size=4)


def stack_of(some: list) -> Stack:
    layers = []
    for seed, (left, top, wide, high), alpha in some:
        rng = np.random.default_rng(seed)
        rgba = layer(RED, left, top, wide, high, alpha)
        soft = rng.integers(0, 256, (HIGH, WIDE), np.uint8)
        rgba[..., 3] = np.where(rng.random((HIGH, WIDE)) < 0.2, np.minimum(soft, rgba[..., 3]), rgba[..., 3])
        rgba[..., :3] = rng.integers(0, 256, (HIGH, WIDE, 3), np.uint8)
        layers.append(rgba)
    return Stack(ground(), layers)


@given(stacks)
def test_composites_are_as_pillow_has_them(some: list) -> None:
    stack = stack_of(some)
    witness = Image.fromarray(stack.ground).convert("RGBA")
    for rgba in stack.layers:
        witness = Image.alpha_composite(witness, Image.fromarray(rgba))
    apart = np.abs(np.asarray(witness)[..., :3].astype(int) - composite(stack))
    assert apart.max() <= len(some)  # a level of rounding each


@given(stacks, st.floats(0, 1), st.floats(0, 0.1), st.integers(0, 4), st.data())
def test_a_pair_differs_only_where_it_is_marked(
    some: list, threshold: float, smallest: float, margin: int, data: st.DataObject
) -> None:
    stack = stack_of(some)
    number = data.draw(st.integers(0, len(some) - 1))
    visible = seen(stack, threshold, smallest)[number]
    pair = pair_without(stack, number, visible, margin)
    assert (pair.source[~pair.mask] == pair.truth[~pair.mask]).all()
    assert (pair.mask | ~visible).all()
    assert (pair.truth[~visible] == pair.source[~visible]).all()


@given(stacks)
def test_what_is_seen_is_what_a_plain_loop_finds(some: list) -> None:
    stack = stack_of(some)
    for number, visible in enumerate(seen(stack, 0.25, 0)):
        left = stack.layers[number][..., 3] / 255
        for above in stack.layers[number + 1 :]:
            left = left * (1 - above[..., 3] / 255)
        clear = np.abs(left - 0.25) > 1e-4  # but for rounding
        assert ((left >= 0.25) == visible)[clear].all()
