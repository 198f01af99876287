"""Sets of candidates from files in the real formats: balanced, credited, turned, resumable, the same every time."""

from __future__ import annotations

import io
import random
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data_tools.openimages import Settings, Summary, histogram, make_set
from data_tools.openimages.photos import SHAPE
from data_tools.openimages.table import BROKEN, CLASS, CUT, LOW, SMALL, TWICE
from rorem.errors import BadData, BadOptions
from rorem.triplet import Triplet, open_set
from tests.data_tools.openimages.made import (
    CAR,
    DOG,
    GOOD,
    HAND,
    HANDBAG,
    HELMET,
    LICENCE,
    MAN,
    SHIRT,
    SIZE,
    Made,
    boxed,
    jpeg,
    png,
    put,
    town,
)

ALL = Settings()


@pytest.fixture(autouse=True)
def no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawing the histogram takes longer than all the rest; test_histogram.py looks at it."""
    monkeypatch.setattr(histogram, "picture", lambda some, cap: b"a picture")


def triplets(out: Path) -> list[Triplet]:
    read = list(open_set(str(out)))
    assert all(isinstance(one, Triplet) for one in read)
    return [one for one in read if isinstance(one, Triplet)]


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def content(out: Path) -> dict[str, bytes]:
    return {file.relative_to(out).as_posix(): file.read_bytes() for file in sorted(out.rglob("*")) if file.is_file()}


def made(tmp_path: Path, files: Made, settings: Settings = ALL) -> tuple[Summary, list[Triplet]]:
    files.write(tmp_path / "oi")
    summary = make_set(tmp_path / "oi", tmp_path / "set", settings)
    return summary, triplets(tmp_path / "set") if summary.made else []


@pytest.mark.parametrize("unpacked", [False, True])
def test_a_set_has_photo_mask_category_and_credit(tmp_path: Path, unpacked: bool) -> None:
    """Masks in archives or in folders, class descriptions with a head or without."""
    files = town(4)
    files.write(tmp_path / "oi", zipped=not unpacked, headed=not unpacked)
    summary = make_set(tmp_path / "oi", tmp_path / "set", ALL)
    found = triplets(tmp_path / "set")
    assert (summary.made, summary.there, summary.bad.total) == (6, 0, 0)
    assert Counter(one.category for one in found) == {"Car": 4, "Dog": 2}
    for one in found:
        image, mask = str(one.extra["image"]), one.extra["masks"]
        assert isinstance(mask, list)
        assert one.source == files.files[image], "a photo that needs no turning is kept byte for byte"
        assert one.name == mask[0].removesuffix(".png") and one.result is None
        assert (pixels(one.mask) == pixels(files.masks[mask[0]])).all()
        assert (one.licence, one.author) == (LICENCE, "Zoë, “Ω”")
        assert one.extra["labels"] == [CAR if one.category == "Car" else DOG]
        assert one.extra["mask_share"] == pytest.approx(pixels(one.mask).mean(), abs=1e-6)
        assert str(one.extra["landing"]).startswith("https://www.flickr.com/photos/")


def test_the_same_files_give_the_same_bytes_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    one, two = town(16), town(16)
    rng = random.Random(1)
    rng.shuffle(two.objects)
    rng.shuffle(two.photos)
    settings = Settings(count=7, several=0.5)
    for name, files in (("one", one), ("two", two)):
        files.write(tmp_path / name)
        make_set(tmp_path / name, tmp_path / f"{name}-set", settings)
    assert content(tmp_path / "one-set") == content(tmp_path / "two-set")
    make_set(tmp_path / "one", tmp_path / "other-set", replace(settings, seed=1))
    names = [{one.name for one in triplets(tmp_path / out)} for out in ("one-set", "other-set")]
    assert names[0] != names[1]


def test_clothing_and_body_parts_are_left_out_with_their_children(tmp_path: Path) -> None:
    files = Made()
    for number, label in enumerate((CAR, SHIRT, HANDBAG, HELMET, HAND, MAN)):
        files.object(files.photo(number), label)
    summary, found = made(tmp_path, files)
    assert {one.category for one in found} == {"Car", "Man"}
    assert summary.left.counts == {CLASS: 4}
    kept = make_set(tmp_path / "oi", tmp_path / "kept", Settings(keep=["Luggage and bags"]))
    assert {one.name for one in kept.categories} == {"Car", "Man", "Handbag"}
    every = make_set(tmp_path / "oi", tmp_path / "every", Settings(leave_out=[]))
    assert every.made == 6


def test_the_cap_and_an_even_balance(tmp_path: Path) -> None:
    """Eleven cars, five dogs, one helmet: with room for nine, four, four and one."""
    files = Made()
    for number in range(17):
        label = CAR if number < 11 else DOG if number < 16 else HELMET
        files.object(files.photo(number), label)
    files.write(tmp_path / "oi")
    settings = Settings(count=9, leave_out=["Human body"])

    def taken(name: str, settings: Settings) -> dict[str, int]:
        summary = make_set(tmp_path / "oi", tmp_path / name, settings)
        assert len(triplets(tmp_path / name)) == summary.made == sum(one.taken for one in summary.categories)
        return {one.name: one.taken for one in summary.categories}

    assert taken("even", settings) == {"Car": 4, "Dog": 4, "Helmet": 1}
    assert taken("capped", replace(settings, count=0, cap=3)) == {"Car": 3, "Dog": 3, "Helmet": 1}
    natural = taken("natural", replace(settings, balance="natural", cap=7, count=0))
    assert natural == {"Car": 7, "Dog": 5, "Helmet": 1}


def test_rules_drop_what_they_say(tmp_path: Path) -> None:
    files = Made()
    image = files.photo(1)
    files.object(image)
    files.object(image, box=(0.3, 0.35, 0.3, 0.4))  # too small by its box
    files.object(image, box=(0.0, 0.3, 0.3, 0.6))  # cut by its box
    files.object(image, mask=boxed(SIZE, (0.05, 0.95, 0.05, 0.95)))  # too large by its mask
    files.object(image, mask=boxed(SIZE, (0.3, 0.6, 0.3, 0.6)) & ~boxed(SIZE, (0.35, 0.55, 0.35, 0.55)))
    files.object(image, iou="0.5")
    files.object(image, iou="")  # in the other subsets none is told
    summary, found = made(tmp_path, files, Settings(iou=0.7))
    assert len(found) == 2
    assert summary.left.counts == {SMALL: 1, CUT: 1, LOW: 1, "objects larger than wanted": 1, "objects with holes": 1}
    assert summary.bad.total == 0


def test_the_list_says_how_photos_are_turned(tmp_path: Path) -> None:
    """Counter-clockwise, with their masks; an EXIF block counts only where the list knows nothing."""
    files, box = Made(), (0.6, 0.8, 0.2, 0.5)
    turns = {"0.0": 0, "90.0": 1, "180.0": 2, "270.0": 3}
    wanted = {}
    for number, (rotation, turn) in enumerate(turns.items()):
        image = files.photo(number, rotation)
        files.object(image, box=box)
        wanted[image] = turn
    said = files.photo(4, "0.0", orientation=6)  # the list says that it is upright as it is stored
    files.object(said, box=box)
    unsaid = files.photo(5, "nan", orientation=6)  # to be turned clockwise by 90 degrees
    files.object(unsaid, box=box)
    _, found = made(tmp_path, files)
    for one in found:
        image = str(one.extra["image"])
        turn = {**wanted, said: 0, unsaid: 3}[image]
        stored = pixels(files.files[image])
        assert (pixels(one.mask) == np.rot90(boxed(SIZE, box), turn)).all(), image
        assert (pixels(one.source) == np.rot90(stored, turn)).all(), image
        assert one.source.startswith(b"\xff\xd8") == (image == next(iter(wanted))), "turned photos are PNG files"
        with Image.open(io.BytesIO(one.source)) as opened:
            assert opened.getexif().get(0x0112, 1) == 1
    assert len(found) == 6


def test_a_mask_of_another_size_is_fitted_by_the_nearest_pixel(tmp_path: Path) -> None:
    """Masks have 1600 pixels where photos have 1024, and sizes are rounded."""
    files = Made()
    width, height = SIZE
    larger = (round(width * 1600 / 1024), round(height * 1600 / 1024) + 1)
    files.object(files.photo(1), mask=boxed(larger, GOOD))
    files.object(files.photo(2), mask=boxed((48, 32), GOOD))
    other = files.object(files.photo(3), mask=boxed((64, 96), GOOD))
    summary, found = made(tmp_path, files)
    assert len(found) == 2
    for one in found:
        mask = pixels(one.mask)
        assert mask.shape == (height, width) and mask.dtype == bool
        assert mask.mean() == pytest.approx(0.09, abs=0.008)
    assert summary.bad.counts == {SHAPE: 1} and other in summary.bad.examples[SHAPE][0]


def test_several_objects_of_one_photo_are_joined(tmp_path: Path) -> None:
    files = Made()
    boxes = [(0.1, 0.3, 0.1, 0.4), (0.4, 0.6, 0.1, 0.4), (0.7, 0.9, 0.5, 0.8), (0.1, 0.3, 0.6, 0.9)]
    for number in range(6):
        image = files.photo(number)
        for box, label in zip(boxes, (CAR, DOG, CAR, MAN), strict=True):
            files.object(image, label, box)
    _, found = made(tmp_path, files, Settings(several=1.0, objects=3))
    used = [mask for one in found for mask in (one.extra["masks"] if isinstance(one.extra["masks"], list) else [])]
    assert len(used) == len(set(used)) == 24, "every object is in one candidate"
    assert {one.extra["objects"] for one in found} == {1, 2, 3}
    for one in found:
        masks = one.extra["masks"]
        assert isinstance(masks, list)
        assert (pixels(one.mask) == np.any([pixels(files.masks[mask]) for mask in masks], axis=0)).all()


def test_one_thing_with_two_names_is_not_joined_with_itself(tmp_path: Path) -> None:
    files = Made()
    image = files.photo(1)
    files.object(image, CAR)
    files.object(image, "/m/07yv9", (0.31, 0.61, 0.31, 0.61))
    _, found = made(tmp_path, files, Settings(several=1.0))
    assert [one.extra["objects"] for one in found] == [1, 1]


def test_joined_objects_stay_below_the_largest_share(tmp_path: Path) -> None:
    files = Made()
    image = files.photo(1)
    for box in ((0.1, 0.45, 0.1, 0.9), (0.55, 0.9, 0.1, 0.9)):
        files.object(image, CAR, box)
    _, found = made(tmp_path, files, Settings(several=1.0))
    assert [one.extra["objects"] for one in found] == [1, 1]


def test_bad_rows_and_files_are_counted_and_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    files = town(6)
    good = len(files.objects) - 2  # without the shirts
    files.object(files.photo(40), CAR)
    gone = files.objects[-1][1]
    del files.files[gone]
    broken = files.photo(41)
    files.object(broken, CAR)
    files.files[broken] = files.files[broken][:300]
    lost = files.object(files.photo(42), CAR)
    del files.masks[lost]
    spoilt = files.object(files.photo(43), CAR)
    files.masks[spoilt] = b"no picture"
    unknown = files.object("ffffffffffffffff", CAR)
    twice = files.objects[0]
    files.objects += [twice, ["../../etc/passwd.png", *twice[1:]], twice[:3], [*twice[:4], "x", *twice[5:]]]
    summary, found = made(tmp_path, files)
    assert len(found) == good
    assert summary.bad.counts == {
        BROKEN: 3,
        TWICE: 1,
        "photos that are not there": 1,
        "photos that cannot be read": 1,
        "masks that are not there": 1,
        "masks that cannot be read": 1,
        "objects of photos that the list does not name": 1,
    }
    assert summary.bad.examples["photos that are not there"] == [gone]
    assert summary.bad.examples["masks that are not there"] == [lost]
    assert summary.bad.examples["objects of photos that the list does not name"] == [unknown]
    assert summary.bad.examples[TWICE] == [twice[0]]


def test_the_next_of_its_category_takes_the_turn_of_what_cannot_be_had(tmp_path: Path) -> None:
    files = town(12)
    for image in [row[1] for row in files.objects if row[2] == DOG][:3]:
        del files.files[image]
    summary, _ = made(tmp_path, files, Settings(count=6))
    assert {one.name: one.taken for one in summary.categories} == {"Car": 3, "Dog": 3}


def test_of_two_rows_for_one_mask_it_is_always_the_same(tmp_path: Path) -> None:
    names = []
    for order in (1, -1):
        files = Made()
        image = files.photo(1)
        files.object(image, CAR)
        files.objects.append([*files.objects[0][:2], DOG, *files.objects[0][3:]])
        files.objects = files.objects[::order]
        summary, found = made(tmp_path / str(order), files)
        names.append([one.category for one in found])
        assert summary.bad.counts == {TWICE: 1}
    assert names[0] == names[1] and len(names[0]) == 1


def test_a_run_that_was_stopped_is_taken_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = town(16)
    files.write(tmp_path / "oi")
    settings = Settings(several=0.5)
    make_set(tmp_path / "oi", tmp_path / "whole", settings)

    from data_tools.set_folder import SetFolder

    add, calls = SetFolder.add, []

    def stop(self: SetFolder, one: Triplet) -> None:
        calls.append(one.name)
        if len(calls) == 5:
            raise KeyboardInterrupt
        add(self, one)

    with monkeypatch.context() as patched:
        patched.setattr(SetFolder, "add", stop)
        with pytest.raises(KeyboardInterrupt):
            make_set(tmp_path / "oi", tmp_path / "set", settings)
    assert not (tmp_path / "set" / "meta.json").exists()
    summary = make_set(tmp_path / "oi", tmp_path / "set", settings)
    assert summary.there == 4 and summary.made > 0
    assert triplet_bytes(tmp_path / "set") == triplet_bytes(tmp_path / "whole")


def triplet_bytes(out: Path) -> dict[str, bytes]:
    """But the journal, whose lines stand in the order of writing."""
    return {name: data for name, data in content(out).items() if not name.startswith(".")}


def test_a_larger_count_makes_a_set_longer(tmp_path: Path) -> None:
    town(16).write(tmp_path / "oi")
    make_set(tmp_path / "oi", tmp_path / "set", Settings(count=4, several=0.3))
    first = {one.name for one in triplets(tmp_path / "set")}
    summary = make_set(tmp_path / "oi", tmp_path / "set", Settings(count=9, several=0.3))
    assert (summary.there, summary.made) == (4, 5)
    assert first < {one.name for one in triplets(tmp_path / "set")}
    make_set(tmp_path / "oi", tmp_path / "at-once", Settings(count=9, several=0.3))
    assert triplet_bytes(tmp_path / "at-once") == triplet_bytes(tmp_path / "set")


def test_other_files_or_settings_are_another_set(tmp_path: Path) -> None:
    files = town(4)
    files.write(tmp_path / "oi")
    make_set(tmp_path / "oi", tmp_path / "set", ALL)
    with pytest.raises(BadData, match="other settings"):
        make_set(tmp_path / "oi", tmp_path / "set", Settings(seed=1))
    files.object(files.photo(9))
    files.write(tmp_path / "oi")
    with pytest.raises(BadData, match="other files"):
        make_set(tmp_path / "oi", tmp_path / "set", ALL)


def test_only_some_digits(tmp_path: Path) -> None:
    summary, found = made(tmp_path, town(16), Settings(digits="0a"))
    assert {str(one.extra["image"])[0] for one in found} == {"0", "a"}
    assert summary.left.counts["objects of photos with other ids than wanted"] == 22


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    files = town(2)
    files.write(tmp_path / "oi")
    image = files.photos[0][0]
    put(tmp_path / "secret.jpg", jpeg(99, SIZE))
    photo = tmp_path / "oi" / "train" / f"{image}.jpg"
    photo.unlink()
    photo.symlink_to(tmp_path / "secret.jpg")
    summary = make_set(tmp_path / "oi", tmp_path / "set", ALL)
    assert summary.bad.examples["photos that are not there"] == [image]


@pytest.mark.parametrize("originals", [False, True])
def test_files_that_cannot_be_opened_are_counted_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, originals: bool
) -> None:
    files = town(4)
    files.write(tmp_path / "oi", zipped=False)
    if originals:
        (tmp_path / "oi" / "train").rename(tmp_path / "oi" / "originals")
    photo, mask = files.photos[0][0], files.objects[-2][0]
    closed = {f"{photo}.jpg", mask}
    gone = tmp_path / "oi" / ("originals" if originals else "train") / f"{files.photos[1][0]}.jpg"
    gone.unlink()
    gone.symlink_to(tmp_path / "oi" / "nothing.jpg")
    opened = Path.open

    def refuse(self: Path, *arguments, **more):
        if self.name in closed:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    summary = make_set(tmp_path / "oi", tmp_path / "set", replace(ALL, originals=originals))
    assert summary.bad.examples == {
        "photos that cannot be read": [f"{photo} (permission denied)"],
        "photos that are not there": [gone.stem, gone.stem],
        "masks that cannot be read": [f"{mask} ({mask} cannot be read: permission denied.)"],
    }
    assert summary.made == 2


def test_files_of_any_size_are_not_read_into_memory(tmp_path: Path) -> None:
    files = town(4)
    photo, mask = files.photos[0][0], files.objects[-2][0]
    files.write(tmp_path / "oi", zipped=False)
    for name in (f"train/{photo}.jpg", f"masks/{mask[0].upper()}/{mask}"):
        with (tmp_path / "oi" / name).open("r+b") as file:
            file.truncate(600_000_000)
    tracemalloc.start()
    try:
        summary = make_set(tmp_path / "oi", tmp_path / "set", ALL)
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    assert summary.bad.counts == {"photos that cannot be read": 1, "masks that cannot be read": 1}


def test_a_damaged_archive_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    files = town(4)
    files.write(tmp_path / "oi")
    put(tmp_path / "oi" / "train-masks" / "train-masks-1.zip", b"no archive")
    whole = tmp_path / "oi" / "train-masks" / "train-masks-2.zip"
    data = bytearray(whole.read_bytes())
    at = data.index(b"\x89PNG") if b"\x89PNG" in data else 90
    data[at : at + 8] = b"\xff" * 8
    whole.write_bytes(bytes(data))
    summary = make_set(tmp_path / "oi", tmp_path / "set", ALL)
    assert summary.made == 3
    assert summary.bad.examples["archives of masks that cannot be read"][0].startswith("train-masks-1.zip")
    assert summary.bad.counts["masks that are not there"] == 2 and summary.bad.counts["masks that cannot be read"] == 1


def test_masks_may_lie_in_a_folder_inside_their_archive(tmp_path: Path) -> None:
    import zipfile

    files = town(1)
    files.write(tmp_path / "oi", zipped=False)
    for left in (tmp_path / "oi" / "masks").rglob("*.png"):
        left.unlink()
    with zipfile.ZipFile(tmp_path / "oi" / "masks" / "train-masks-0.zip", "w") as archive:
        for mask, data in files.masks.items():
            archive.writestr(f"train-masks-0/{mask}", data)
    assert make_set(tmp_path / "oi", tmp_path / "set", ALL).made == 1


def test_what_is_missing_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no folder called"):
        make_set(tmp_path / "oi", tmp_path / "set", ALL)
    town(2).write(tmp_path / "oi")
    with pytest.raises(BadData, match="no validation-annotations-object-segmentation"):
        make_set(tmp_path / "oi", tmp_path / "set", Settings(subset="validation"))
    (tmp_path / "oi" / "bbox_labels_600_hierarchy.json").unlink()
    with pytest.raises(BadData, match="no bbox_labels_600_hierarchy"):
        make_set(tmp_path / "oi", tmp_path / "set", ALL)
    assert not (tmp_path / "set").exists()


WRONG = (
    {"count": -1},
    {"cap": 0},
    {"smallest": 0.5, "largest": 0.4},
    {"iou": 2},
    {"digits": "xyz"},
    {"digits": ""},
    {"subset": "dev"},
    {"balance": "fair"},
    {"objects": 1},
    {"seed": -1},
    {"several": float("nan")},
)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_settings_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(BadOptions):
        Settings(**wrong)  # pyright: ignore[reportArgumentType]


def test_nothing_is_left(tmp_path: Path) -> None:
    files = Made()
    files.object(files.photo(1), SHIRT)
    files.write(tmp_path / "oi")
    with pytest.raises(BadData, match="classes that are left out"):
        make_set(tmp_path / "oi", tmp_path / "set", ALL)


def test_a_mask_that_marks_everything_or_nothing_is_no_candidate(tmp_path: Path) -> None:
    files = Made()
    files.object(files.photo(1), mask=np.zeros(SIZE[::-1], bool))
    files.object(files.photo(2))
    files.masks[files.objects[0][0]] = png(np.zeros(SIZE[::-1], bool))
    summary, found = made(tmp_path, files)
    assert len(found) == 1 and summary.left.counts == {"masks that mark nothing": 1}
