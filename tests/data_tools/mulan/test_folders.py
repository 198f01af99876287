"""Several folders of layers as one, and files that cannot be opened: photos are not mixed, and the rest goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from data_tools.mulan import Choice, mulan
from tests.data_tools.mulan.layers import ground, layer, write, write_captions
from tests.data_tools.mulan.sets import GREEN, LOOSE, RED, content, pixels, read

BLUE = (0, 0, 255)
EACH = Choice("each", least=0.001)


def thing(colour: tuple[int, int, int], left: int = 5) -> np.ndarray:
    return layer(colour, left, 5, 20, 20)


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Photos of COCO and LAION with the same id, each with captions beside."""
    folder = tmp_path / "layers"
    write(folder / "coco", "0001", ground(0), thing(RED))
    write(folder / "laion", "0001", ground(1), thing(GREEN), thing(BLUE, 30))
    write(folder / "laion", "0002", ground(2), thing(BLUE))
    write_captions(folder / "coco", [{"paths": "data/coco/0001-layer_1.png", "blip2": "a red dog", "llava": "N/A"}])
    rows = [{"paths": f"0001-layer_{number}.png", "blip2": f"laion {number}", "llava": ""} for number in range(3)]
    write_captions(folder / "laion", rows)
    return folder


def test_photos_with_one_id_in_two_folders_are_two_photos(tmp_path: Path, two: Path) -> None:
    summary = mulan(two, tmp_path / "out", EACH)
    assert summary.made == ["coco/0001-layer_1", "laion/0001-layer_1", "laion/0001-layer_2", "0002-layer_1"]
    assert not summary.left_out.total
    found = read(tmp_path / "out")
    red, green = (pixels(found[f"{name}/0001-layer_1"].source)[10, 10] for name in ("coco", "laion"))
    assert (red == RED).all() and (green == GREEN).all()
    assert found["coco/0001-layer_1"].extra["layers"] == 2 and found["laion/0001-layer_2"].extra["layers"] == 3


def test_captions_of_a_folder_are_of_its_own_layers(tmp_path: Path, two: Path) -> None:
    mulan(two, tmp_path / "out", EACH)
    said = {name: one.extra["captions"] for name, one in read(tmp_path / "out").items()}
    assert said == {
        "0002-layer_1": {},
        "coco/0001-layer_1": {"blip2": "a red dog"},  # "N/A" is none
        "laion/0001-layer_1": {"blip2": "laion 1"},
        "laion/0001-layer_2": {"blip2": "laion 2"},
    }
    assert mulan(two, tmp_path / "dogs", Choice(categories=("dog",), least=0.001)).made == ["coco/0001-layer_1"]


def test_captions_above_both_folders_go_by_their_paths(tmp_path: Path, two: Path) -> None:
    for file in two.rglob("*.csv"):
        file.unlink()
    rows = [
        {"paths": "/data/laion/0001-layer_1.png", "blip2": "of laion"},
        {"paths": "coco/0001-layer_1.png", "blip2": "of coco"},
        {"paths": "0001-layer_2.png", "blip2": "of nobody knows which"},
        {"paths": "elsewhere/0002-layer_1.png", "blip2": "of the only one"},
    ]
    write_captions(two, rows)
    summary = mulan(two, tmp_path / "out", EACH)
    assert {name: one.extra["captions"] for name, one in read(tmp_path / "out").items()} == {
        "0002-layer_1": {"blip2": "of the only one"},
        "coco/0001-layer_1": {"blip2": "of coco"},
        "laion/0001-layer_1": {"blip2": "of laion"},
        "laion/0001-layer_2": {},
    }
    assert summary.left_out.counts == {"captions that fit several photos": 1}


@pytest.mark.parametrize("target", ["gone.png", "loop-layer_1.png"])
def test_links_that_lead_nowhere_are_counted_and_the_rest_goes_on(tmp_path: Path, two: Path, target: str) -> None:
    write(two, "loop", ground(), thing(RED))
    (two / "loop-layer_1.png").unlink()
    (two / "loop-layer_1.png").symlink_to(two / target)
    (two / "more.csv").symlink_to(two / "gone.csv")
    summary = mulan(two, tmp_path / "out", EACH)
    assert summary.left_out.examples["files that are not there"] == ["loop-layer_1.png", "more.csv"]
    assert summary.left_out.counts["photos with nothing over the ground"] == 1
    assert len(read(tmp_path / "out")) == 4


def test_captions_that_cannot_be_opened_are_counted(tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (two / "laion" / "0002.json").write_text('{"instances": [{"blip2": "a boat"}]}', "utf-8")
    closed = {two / "coco" / "meta_data.csv", two / "laion" / "0002.json"}
    opened = Path.open

    def refuse(self: Path, *arguments, **more):
        if self in closed:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", refuse)
    summary = mulan(two, tmp_path / "out", EACH)
    assert summary.left_out.counts == {"captions that cannot be read": 2}
    assert len(summary.made) == 4


def test_a_later_run_tells_again_what_was_left_out(tmp_path: Path, two: Path) -> None:
    write(two, "tiny", ground(), layer(RED, 5, 5, 1, 1))
    write(two, "torn", ground(), thing(RED))
    whole = (two / "torn-layer_1.png").read_bytes()
    (two / "torn-layer_1.png").write_bytes(whole[: len(whole) // 2])
    first = mulan(two, tmp_path / "out", EACH)
    again = mulan(two, tmp_path / "out", EACH)
    assert first.left_out.counts == {"layers too small to be removed": 1, "photos whose layers cannot be read": 1}
    assert again.left_out.counts == first.left_out.counts and again.left_out.examples == first.left_out.examples
    assert not again.made and again.there == len(first.made) == 4


def test_nothing_is_done_twice_but_what_could_not_be_read(
    tmp_path: Path, two: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(two, "tiny", ground(), layer(RED, 5, 5, 1, 1))
    write(two, "torn", ground(), thing(RED))
    (two / "torn-layer_1.png").write_bytes(b"torn")
    mulan(two, tmp_path / "out", EACH)
    before = content(tmp_path / "out")
    looked: list[str] = []

    from data_tools.mulan import building

    read_stack = building.read_stack
    monkeypatch.setattr(building, "read_stack", lambda scene: looked.append(scene.name) or read_stack(scene))
    mulan(two, tmp_path / "out", EACH)
    assert looked == ["torn"] and content(tmp_path / "out") == before


def test_a_run_that_made_no_pair_is_not_taken_for_one_with_other_settings(tmp_path: Path, two: Path) -> None:
    from rorem.errors import BadData

    with pytest.raises(BadData, match="No layer"):
        mulan(two, tmp_path / "out", Choice(categories=("boat",)))
    with pytest.raises(BadData, match="other settings"):
        mulan(two, tmp_path / "out", LOOSE)
