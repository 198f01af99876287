"""Frames are found in the ways in which the data set is passed on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from data_tools.rord import layout
from data_tools.rord.layout import ELSEWHERE, NO_FILE, NO_MASK, NO_TRUTH, TWICE, is_clean, scenes_in
from data_tools.tally import Tally
from rorem.errors import BadData
from tests.data_tools.rord.made import WANDER, from_ai_hub, jpg, place, png, published, save
from tests.data_tools.rord.made import marked as loose


def test_as_it_is_published(tmp_path: Path) -> None:
    published(tmp_path, composed=True)
    published(tmp_path, scene="MP_0002", split="val", seed=1)
    tally = Tally()
    one, two = scenes_in(tmp_path, tally)
    assert (one.name, two.name) == ("train/MP_0001", "val/MP_0002") and not tally.total
    assert one.clean and one.clean.name == "MP_0001_G0001.jpg" and len(one.frames) == len(two.frames) == 4
    frame = one.frames[1]
    assert frame.name == "train/MP_0001/MP_0001_F0002" and frame.composed and frame.mask and frame.outlines
    assert frame.mask.name == "MP_0001_F0002_M.png" and frame.outlines.name == "MP_0001_F0002.json"
    assert frame.composed.parts[-3:] == ("gt", "MP_0001", "MP_0001_F0002.jpg") and two.frames[0].composed is None


def test_one_part_alone(tmp_path: Path) -> None:
    published(tmp_path)
    (scene,) = scenes_in(tmp_path / "train", Tally())
    assert scene.name == "MP_0001" and scene.frames[0].name == "MP_0001/MP_0001_F0001"


def test_as_ai_hub_hands_it_out(tmp_path: Path) -> None:
    from_ai_hub(tmp_path)
    (scene,) = scenes_in(tmp_path, Tally())
    assert scene.name == "1.Training/part 1/MP_0001" and scene.clean and len(scene.frames) == 4
    assert all(frame.outlines and frame.mask is None and frame.composed is None for frame in scene.frames)


def test_without_scenes(tmp_path: Path) -> None:
    for number in (1, 2):
        for room, suffix in {"img": ".png", "gt": ".png", "mask": ".png"}.items():
            save(png(loose(WANDER[0])), tmp_path / room / f"MP_0007_{number:04}{suffix}")
    (scene,) = scenes_in(tmp_path, Tally())
    assert scene.name == "MP_0007" and scene.clean is None
    assert [frame.name for frame in scene.frames] == ["MP_0007_0001", "MP_0007_0002"]
    assert all(frame.composed and frame.mask for frame in scene.frames)


def test_what_lacks_a_part_is_counted(tmp_path: Path) -> None:
    published(tmp_path)
    home = tmp_path / "train"
    (home / "mask" / "MP_0001" / "MP_0001_F0001_M.png").unlink()
    (home / "label" / "MP_0001" / "MP_0001_F0001.json").unlink()
    save(jpg(place(1)), home / "img" / "lonely" / "lonely_F0001.jpg")
    save(png(loose(WANDER[0])), home / "mask" / "lonely" / "lonely_F0001_M.png")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.jpg"
    save(jpg(place(1)), outside)
    (home / "img" / "MP_0001" / "MP_0001_F0009.jpg").symlink_to(outside)
    tally = Tally()
    scenes = scenes_in(tmp_path, tally)
    assert [len(scene.frames) for scene in scenes] == [3, 0]
    assert dict(tally.counts) == {NO_MASK: 1, NO_TRUTH: 1, ELSEWHERE: 1}
    assert tally.examples[ELSEWHERE] == ["train/img/MP_0001/MP_0001_F0009.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX files")
def test_names_without_a_file_are_counted(tmp_path: Path) -> None:
    published(tmp_path)
    home = tmp_path / "train" / "img" / "MP_0001"
    (home / "MP_0001_F0007.jpg").symlink_to(home / "nowhere.jpg")
    (home / "MP_0001_F0008.jpg").symlink_to(home / "MP_0001_F0008.jpg")
    os.mkfifo(home / "MP_0001_F0009.jpg")
    tally = Tally()
    (scene,) = scenes_in(tmp_path, tally)
    assert len(scene.frames) == 4 and dict(tally.counts) == {NO_FILE: 3}
    assert tally.examples[NO_FILE][0] == "train/img/MP_0001/MP_0001_F0007.jpg"


def test_two_files_for_one_frame_are_told(tmp_path: Path) -> None:
    published(tmp_path, composed=True)
    twice = "img/MP_0001/MP_0001_F0001.png", "gt/MP_0001/MP_0001_F0002.png", "mask/MP_0001/MP_0001_F0003.png"
    for name in twice:
        save(png(loose(WANDER[0])), tmp_path / "train" / name)
    tally = Tally()
    (scene,) = scenes_in(tmp_path, tally)
    assert len(scene.frames) == 4 and dict(tally.counts) == {TWICE: 3}
    assert scene.frames[0].photo.suffix == ".jpg" and scene.frames[1].composed == (
        tmp_path / "train" / "gt" / "MP_0001" / "MP_0001_F0002.jpg"
    )


def test_a_clean_frame_among_those_put_together(tmp_path: Path) -> None:
    published(tmp_path)
    for name in ("MP_0001_G0002.jpg", "MP_0001_G0001.jpg"):
        save(jpg(place(1)), tmp_path / "train" / "gt" / "MP_0001" / name)
    (tmp_path / "train" / "img" / "MP_0001" / "MP_0001_G0001.jpg").unlink()
    (scene,) = scenes_in(tmp_path, Tally())
    assert scene.clean == tmp_path / "train" / "gt" / "MP_0001" / "MP_0001_G0001.jpg"


def test_the_work_grows_as_the_files_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        for room, end in {"img": "F0001.jpg", "gt": "F0001.jpg", "mask": "F0001_M.png"}.items():
            save(b"", tmp_path / room / f"MP_{number:02}" / f"MP_{number:02}_{end}")
    asked, known = 0, layout._scene_of

    def scene_of(key: str) -> str:
        nonlocal asked
        asked += 1
        return known(key)

    monkeypatch.setattr(layout, "_scene_of", scene_of)
    assert len(scenes_in(tmp_path, Tally())) == 30
    assert asked <= 3 * 30


def test_links_inside_are_followed(tmp_path: Path) -> None:
    published(tmp_path / "there")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    (scene,) = scenes_in(tmp_path / "here", Tally())
    assert len(scene.frames) == 4


@pytest.mark.parametrize("stem", ["MP_0001_G0001", "G0001", "scene3G0001"])
def test_clean_frames_are_known(stem: str) -> None:
    assert is_clean(stem)


@pytest.mark.parametrize("stem", ["MP_0001_F0001", "G0001_F0001", "RING0001", "MP_G01"])
def test_others_are_not(stem: str) -> None:
    assert not is_clean(stem)


def test_nothing_to_find(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="no folder called"):
        scenes_in(tmp_path / "nowhere", Tally())
    (tmp_path / "img" / "scene").mkdir(parents=True)
    with pytest.raises(BadData, match="no frames of RORD"):
        scenes_in(tmp_path, Tally())
