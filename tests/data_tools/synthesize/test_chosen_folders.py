"""What there is to build from, and why something is not."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from data_tools.synthesize.stock import take_stock
from rorem.errors import BadData


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
    folders = [tmp_path / "photos"], [tmp_path / "things"]
    told: list[tuple[str, str]] = []
    stock = take_stock(*folders, lambda name, error: told.append((name, str(error))), chosen=True)
    assert [one.key for one in stock.cutouts] == ["bear.png"]
    assert told == [("speck.png", "It is smaller than 120 pixels.")]
    with pytest.raises(BadData, match="no cut-outs"):
        take_stock(*folders, lambda name, error: None)
