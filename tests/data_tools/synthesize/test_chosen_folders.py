"""What there is to build from, and why something is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data_tools.synthesize.stock import take_stock
from rorem.errors import BadData
from tests.data_tools.originals import folders


def test_of_folders_that_a_person_chose_everything_is_taken_or_told(tmp_path: Path) -> None:
    """A blurred animal has few fine differences, as a drawing has: whoever cut it out knows what it is."""
    smooth = np.zeros((200, 200, 4), np.uint8)
    cv2.circle(smooth, (100, 100), 80, (90, 60, 40, 255), -1)
    (tmp_path / "things").mkdir()
    Image.fromarray(smooth).save(tmp_path / "things/bear.png")
    Image.fromarray(smooth[80:120, 80:120]).save(tmp_path / "things/speck.png")
    (tmp_path / "photos").mkdir()
    ground = np.random.default_rng(0).integers(0, 255, (480, 480, 3), np.uint8)
    Image.fromarray(ground).save(tmp_path / "photos/sand.png")
    both = [tmp_path / "photos"], [tmp_path / "things"]
    told: list[tuple[str, str]] = []
    stock = take_stock(*both, lambda name, error: told.append((name, str(error))), chosen=True)
    assert [one.key for one in stock.cutouts] == ["bear.png"]
    assert told == [("speck.png", "It is smaller than 120 pixels.")]
    with pytest.raises(BadData, match="no cut-outs"):
        take_stock(*both, lambda name, error: None)


def test_links_that_lead_nowhere_are_told(tmp_path: Path) -> None:
    photos, cutouts = folders(tmp_path)
    (photos / "deep").mkdir()
    for link in (photos / "deep/lost.jpg", photos / "lost.rcc", cutouts / "gone.png"):
        link.symlink_to("nowhere")
    told: list[str] = []
    stock = take_stock([photos], [cutouts], lambda name, error: told.append(f"{name}: {error}"))
    assert len(stock.photos) == 3 and len(stock.cutouts) == 4
    assert sorted(told) == [
        f"{name}: It cannot be read (no such file or directory)." for name in ("deep/lost.jpg", "gone.png", "lost.rcc")
    ]


def test_a_silhouette_with_a_transparent_colour_is_a_cutout(tmp_path: Path) -> None:
    """One bit a pixel, where the file declares one of the two colours transparent."""
    photos, cutouts = folders(tmp_path)
    rows, columns = np.mgrid[:200, :200]
    Image.fromarray((rows - 100) ** 2 + (columns - 100) ** 2 < 80**2).save(cutouts / "moon.png", transparency=0)
    stock = take_stock([photos], [cutouts], lambda name, error: pytest.fail(f"{name}: {error}"), chosen=True)
    (moon,) = (one for one in stock.cutouts if one.key == "moon.png")
    assert (moon.width, moon.height) == (159, 159) and set(np.unique(moon.rgba()[..., 3])) == {0, 255}
