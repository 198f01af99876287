"""The table of objects and the list of photos, boiled down to numbers."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.openimages.photo_list import PhotoList
from data_tools.openimages.settings import Settings
from data_tools.openimages.table import BROKEN, Table, read_table
from data_tools.tally import Tally
from rorem.errors import BadData
from tests.data_tools.openimages.made import CAR, DOG, OBJECTS, PHOTOS, Made, table, town


def read(folder: Path, rows: list[list[str]], settings: Settings = Settings()) -> tuple[Table, Tally]:  # noqa: B008
    path = folder / "objects.csv"
    path.write_bytes(table([OBJECTS, *rows]))
    bad = Tally()
    return read_table(path, frozenset(), settings, Tally(), bad), bad


def listed(folder: Path, rows: list[list[str]], subset: str = "train") -> tuple[PhotoList, Tally]:
    path = folder / "photos.csv"
    path.write_bytes(table([PHOTOS, *rows]))
    bad = Tally()
    return PhotoList(path, subset, bad), bad


@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_the_order_of_rows_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, rng: random.Random, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("table")
    rows = town(8).objects
    rows += [[*rows[0][:2], DOG, *rows[0][3:]], rows[1]]  # two rows for one mask, and one row twice
    mixed = rows.copy()
    rng.shuffle(mixed)
    settings = Settings(seed=seed, several=0.5)
    one, _ = read(folder, rows, settings)
    told = [one.read(number) for number in range(len(one))]
    two, bad = read(folder, mixed, settings)
    assert [two.read(number) for number in range(len(two))] == told
    assert (one.keys == two.keys).all() and (one.images == two.images).all()
    assert [one.labels[c] for c in one.classes] == [two.labels[c] for c in two.classes]
    assert one.fingerprint == two.fingerprint
    assert bad.counts == {"rows that are there twice": 2}
    assert (np.diff(one.keys.astype(float)) >= 0).all()


def test_another_row_is_another_fingerprint(tmp_path: Path) -> None:
    rows = town(4).objects
    one, _ = read(tmp_path, rows)
    changed, _ = read(tmp_path, [*rows[:-1], [*rows[-1][:-1], "0.1 0.1 0"]])
    assert one.fingerprint != changed.fingerprint


def test_what_a_row_says(tmp_path: Path) -> None:
    files = Made()
    name = files.object("677c122b0eaa5d16", "/m/04yx4", (0.1875, 0.460938, 0.454167, 0.720833))
    found, _ = read(tmp_path, files.objects)
    one = found.read(0)
    assert (one.mask, one.image, one.label, one.iou) == (name, "677c122b0eaa5d16", "/m/04yx4", 0.86864)
    assert one.box == (0.1875, 0.460938, 0.454167, 0.720833)
    assert one.share == pytest.approx(0.273438 * 0.266666)


@pytest.mark.parametrize(
    "cell",
    [
        (0, "../677c122b0eaa5d16_m04yx4_9a041d52.png"),
        (0, "677c122b0eaa5d17_m04yx4_9a041d52.png"),
        (0, "677c122b0eaa5d16_m04yx4_9a041d52.png\x00"),
        (0, "677c122b0eaa5d16_ｍ.png"),
        (1, "677C122B0EAA5D16"),
        (2, ""),
        (4, ""),
        (4, "nan"),
        (4, "-3"),
        (5, "0.2"),
        (7, "inf"),
        (8, "high"),
    ],
)
def test_broken_rows_are_named(tmp_path: Path, cell: tuple[int, str]) -> None:
    files = Made()
    files.object("677c122b0eaa5d16", "/m/04yx4")
    broken = files.objects[0].copy()
    broken[cell[0]] = cell[1]
    found, bad = read(tmp_path, [broken])
    assert len(found) == 0 and bad.counts == {BROKEN: 1}
    assert "677" in bad.examples[BROKEN][0]


@given(st.binary(max_size=200))
def test_no_line_can_stop_it(tmp_path_factory: pytest.TempPathFactory, line: bytes) -> None:
    folder = tmp_path_factory.mktemp("table")
    files = town(1)
    path = folder / "objects.csv"
    path.write_bytes(table([OBJECTS]) + line + b"\n" + table(files.objects[:1]))
    bad = Tally()
    found = read_table(path, frozenset(), Settings(), Tally(), bad)
    assert len(found) == 1
    assert found.read(0).mask == files.objects[0][0]


def test_a_photo_is_found_with_all_that_is_said_of_it(tmp_path: Path) -> None:
    files = Made()
    image = files.photo(3, "90.0", title='Three "boys",\non a hill ä')
    files.photo(4)
    photos, bad = listed(tmp_path, files.photos)
    row = photos.find(image)
    assert row is not None and len(photos) == 2 and not bad.total
    assert (row.rotation, row.title, row.author) == (90, 'Three "boys",\non a hill ä', "Zoë, “Ω”")
    assert row.licence == "https://creativecommons.org/licenses/by/2.0/"
    assert row.size == len(files.files[image]) and len(row.md5) == 32
    assert photos.find("ffffffffffffffff") is None


@pytest.mark.parametrize(
    ("said", "meant"), [("0.0", 0), ("270", 270), ("", None), ("nan", None), ("45", None), ("x", None)]
)
def test_rotations_as_the_list_has_them(tmp_path: Path, said: str, meant: int | None) -> None:
    files = Made()
    image = files.photo(1, said)
    row = listed(tmp_path, files.photos)[0].find(image)
    assert row is not None and row.rotation == meant


def test_only_photos_of_the_subset(tmp_path: Path) -> None:
    files = town(3)
    files.photos[1][1] = "validation"
    assert len(listed(tmp_path, files.photos)[0]) == 2
    assert len(listed(tmp_path, files.photos, "validation")[0]) == 1


def test_broken_rows_of_the_list_are_counted(tmp_path: Path) -> None:
    files = town(2)
    photos, bad = listed(tmp_path, [*files.photos, ["not an id", *files.photos[0][1:]], files.photos[0][:3]])
    assert len(photos) == 2 and bad.counts == {BROKEN: 2}
    assert photos.find(files.photos[0][0]) is not None


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_bytes(table([PHOTOS]))
    with pytest.raises(BadData, match="no column MaskPath"):
        read_table(path, frozenset(), Settings(), Tally(), Tally())
    path.write_bytes(table([OBJECTS]))
    with pytest.raises(BadData, match="no column Subset"):
        PhotoList(path, "train", Tally())


def test_keys_are_spread_and_depend_on_the_seed(tmp_path: Path) -> None:
    rows = town(16).objects
    orders = []
    for seed in (0, 1):
        found, _ = read(tmp_path, rows, Settings(seed=seed))
        orders.append([found.read(number).mask for number in range(len(found))])
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1])
    assert CAR in found.labels
