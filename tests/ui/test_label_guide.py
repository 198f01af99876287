"""The guide's pictures are what the program draws, their authors are named, and the templates suit Gradio."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rorem.ui import label_guide, label_tab, samples
from rorem.ui.label_guide import EXAMPLES, PARTS


def test_one_is_good_and_three_are_bad() -> None:
    assert [example.good for example in EXAMPLES] == [True, False, False, False]
    assert label_guide.html().count("<img") == 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_pictures_are_as_drawn(example: label_guide.Example) -> None:
    before, after = label_guide.draw(example)
    for part, fresh in zip(PARTS, (before, after), strict=True):
        stored = np.asarray(Image.open(label_guide.picture(f"{example.name}-{part}"))).astype(int)
        assert np.abs(stored - fresh).mean() < 6  # a JPEG
    _, mask, truth = label_guide._sample(example.sample)
    assert np.abs(before.astype(int) - after).max() > 60
    box = label_guide._square(mask)
    exact = label_guide._sized(truth[box.slices])
    assert bool((after == exact).all()) == example.good


def test_authors_are_named() -> None:
    for example in EXAMPLES:
        for name in filter(None, (example.sample, example.of)):
            authors = samples.find(name).credit.rsplit(", ", 1)[0].split("; ")
            assert all(author in label_guide.CREDIT for author in authors)


def test_only_the_pictures_are_served() -> None:
    for name in ("../label_guide.py", "good", "good-before.jpg", ""):
        with pytest.raises(KeyError):
            label_guide.picture(name)


def test_templates_hold_nothing_that_gradio_fills_in() -> None:
    here = Path(label_tab.__file__).parent
    for name in ("label.html", *label_tab.STYLES):
        text = (here / name).read_text("utf-8")
        assert not [sign for sign in ("`", "${", "{{") if sign in text]
    assert "`" not in label_guide.html() + label_guide.CREDIT
