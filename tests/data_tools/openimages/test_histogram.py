"""The categories of a set, as a picture and as a table."""

from __future__ import annotations

import builtins
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_tools.openimages import Settings, make_set
from data_tools.openimages.histogram import Category, picture, table
from rorem.errors import Unavailable
from tests.data_tools.openimages.made import CAR, DOG, town

BLUE = 42, 120, 214


def blue(data: bytes) -> int:
    """How many pixels show what was taken."""
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        return int((np.asarray(image.convert("RGB")) == BLUE).all(2).sum())


def test_they_lie_in_the_set(tmp_path: Path) -> None:
    town(6).write(tmp_path / "oi")
    make_set(tmp_path / "oi", tmp_path / "set", Settings(cap=2))
    assert blue((tmp_path / "set" / "categories.png").read_bytes())
    assert (tmp_path / "set" / "categories.csv").read_text("utf-8").splitlines() == [
        "label,category,eligible,taken",
        f"{CAR},Car,6,2",
        f"{DOG},Dog,3,2",
    ]


def test_bars_are_as_long_as_there_are_candidates() -> None:
    lengths = [blue(picture([Category(CAR, "Car", 500, taken)], 500)) for taken in (100, 200, 400)]
    assert lengths[1] == pytest.approx(2 * lengths[0], rel=0.05)
    assert lengths[2] == pytest.approx(4 * lengths[0], rel=0.05)


def test_names_of_any_kind() -> None:
    some = [Category(f"/m/{name}", name, 9, 3) for name in ("a $formula$ that is none", "名前", "x" * 300, "")]
    assert blue(picture(some, 500))
    assert table(some).decode().count("\n") == 5


def test_without_matplotlib_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read, and not after an hour."""
    load = builtins.__import__

    def refuse(name: str, *rest: object) -> object:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return load(name, *rest)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(Unavailable, match="matplotlib") as caught:
        make_set(tmp_path / "nowhere", tmp_path / "set", Settings())
    assert "rorem[eval]" in caught.value.fix
