"""Folders of layers in the real layout to sets of pairs, with all that can be wrong with them."""

from __future__ import annotations

import json
import pickle
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from data_tools.check import Rules, check
from data_tools.mulan import Choice, mulan
from data_tools.mulan.__main__ import app
from data_tools.mulan.choosing import chosen
from data_tools.mulan.finding import layer_of
from rorem.errors import BadData, BadOptions
from tests.data_tools.mulan.layers import ground, layer, write, write_captions
from tests.data_tools.mulan.sets import GREEN, LOOSE, RED, content, pixels, read


@pytest.fixture
def layers(tmp_path: Path) -> Path:
    """Two photos; in the first a green thing stands before a larger red one."""
    folder = tmp_path / "layers"
    write(folder, "000000000139", ground(0), layer(RED, 5, 5, 30, 20), layer(GREEN, 25, 5, 12, 12))
    write(folder, "000000000285", ground(1), layer(GREEN, 20, 10, 15, 15))
    rows = [
        {"paths": "/out/000000000139-layer_0.png", "blip2": "a room", "llava": "A room with a view."},
        {"paths": "/out/000000000139-layer_1.png", "blip2": "a red dog on a chair", "llava": ""},
        {"paths": "/out/000000000139-layer_2.png", "blip2": "a green vase, doglike", "llava": ""},
        {"paths": "/coco/000000000139.jpg", "blip2": "a dog and a vase", "llava": "Ein Hund — 北京"},
    ]
    write_captions(folder, rows)
    return folder


def test_the_largest_layer_is_removed_and_all_is_told(tmp_path: Path, layers: Path) -> None:
    summary = mulan(layers, tmp_path / "out", LOOSE)
    assert summary.made == ["000000000139-layer_1", "000000000285-layer_1"] and not summary.left_out.total
    one = read(tmp_path / "out")["000000000139-layer_1"]
    source, truth, mask = pixels(one.source), pixels(one.truth), pixels(one.mask)
    assert (source[10, 10] == RED).all() and (source[10, 30] == GREEN).all()
    assert (truth[10, 10] == ground(0)[10, 10]).all() and (truth[10, 30] == GREEN).all()
    assert mask[10, 10] == 255 and mask[10, 30] == 0 and mask[20, 30] == 255 and mask[4, 10] == 255 and mask[3, 10] == 0
    assert one.result is None and one.accepted_by == "truth" and one.licence == "CC-BY-NC-SA-4.0" and not one.category
    extra = one.extra
    assert extra["captions"] == {"blip2": "a red dog on a chair"} and extra["captions_ground"]
    assert extra["captions_photo"] == {"blip2": "a dog and a vase", "llava": "Ein Hund — 北京"}
    assert extra["layer"] == 1 and extra["layers"] == 3 and extra["occluded"] is True
    assert extra["hidden_share"] == round(10 * 12 / 600, 4)


def test_what_is_written_keeps_every_rule(tmp_path: Path, layers: Path) -> None:
    mulan(layers, tmp_path / "out", Choice("each", least=0.001))
    assert not check(str(tmp_path / "out"), Rules(tolerance=0, changed=0, grow=0)).counts


def test_a_mask_that_marks_everything_is_never_written(tmp_path: Path, layers: Path) -> None:
    """Though the layer may have all of the picture, some has to be left to go by."""
    write(layers, "full", ground(), layer(RED, 1, 1, 58, 38))
    summary = mulan(layers, tmp_path / "out", Choice(most=1.0, margin=3))
    assert summary.left_out.examples["layers that cover too much"] == ["full-layer_1"]
    assert not check(str(tmp_path / "out"), Rules(tolerance=0, changed=0, grow=0)).counts


def test_each_layer_in_a_pair_of_its_own(tmp_path: Path, layers: Path) -> None:
    mulan(layers, tmp_path / "out", Choice("each", least=0.001))
    assert list(read(tmp_path / "out")) == ["000000000139-layer_1", "000000000139-layer_2", "000000000285-layer_1"]


@pytest.mark.parametrize(("word", "names"), [("DOG", ["000000000139-layer_1"]), ("vase", ["000000000139-layer_2"])])
def test_layers_of_a_category(tmp_path: Path, layers: Path, word: str, names: list[str]) -> None:
    """By whole words of the captions where no category is told."""
    summary = mulan(layers, tmp_path / "out", Choice(categories=(word,), least=0.001))
    assert summary.made == names and summary.left_out.counts == {"layers of other categories": 2}


def test_categories_that_are_told(tmp_path: Path, layers: Path) -> None:
    rows = [
        {"paths": f"000000000139-layer_{number}.png", "category": name}
        for number, name in enumerate(("room", "Cat", "vase"))
    ]
    write_captions(layers, rows, "more.csv")
    mulan(layers, tmp_path / "out", Choice(categories=("cat", "dog"), least=0.001))
    (one,) = read(tmp_path / "out").values()
    assert one.category == "Cat"  # "dog" is in the caption, but the category is known


@given(st.dictionaries(st.integers(0, 9), st.integers(1, 100), max_size=5), st.integers(0, 99), st.text(max_size=3))
def test_chance_is_steered_by_seed_and_name_alone(areas: dict[int, int], seed: int, name: str) -> None:
    choice = Choice("random", seed=seed)
    drawn = chosen(name, areas, choice)
    assert drawn == chosen(name, dict(reversed(areas.items())), choice)
    assert len(drawn) == bool(areas) and set(drawn) <= set(areas)
    largest = chosen(name, areas, Choice())
    assert [areas[one] for one in largest] == sorted(areas.values())[-1:]


def test_another_seed_chooses_others() -> None:
    areas = dict.fromkeys(range(4), 9)
    draws = {tuple(chosen(str(n), areas, Choice("random", seed=seed))[0] for n in range(20)) for seed in range(3)}
    assert len(draws) == 3 and {one for draw in draws for one in draw} == set(range(4))


def test_json_beside_the_layers(tmp_path: Path, layers: Path) -> None:
    told = {
        "captioning": {"blip2": {}},
        "image": {"llava": "long", "blip2": "short"},
        "background": {"blip2": "grass"},
        "instances": {"0": {"blip2": "a boat", "category": "boat", "original_image_mask": [[0]]}},
    }
    (layers / "000000000285.json").write_text(json.dumps(told))
    (layers / "000000000139.json").write_text(json.dumps(told))
    summary = mulan(layers, tmp_path / "out", LOOSE)
    one = read(tmp_path / "out")["000000000285-layer_1"]
    assert one.category == "boat" and one.extra["captions"] == {"blip2": "a boat", "category": "boat"}
    assert one.extra["captions_photo"] == told["image"] and one.extra["captions_ground"] == told["background"]
    assert summary.left_out.counts == {"captions that do not fit the layers": 1}


def test_a_folder_for_each_photo(tmp_path: Path) -> None:
    for name in ("a", "ö"):
        home = tmp_path / "images" / name
        write(home, "x", ground(), layer(RED, 5, 5, 20, 20))
        for file in list(home.iterdir()):
            file.rename(home / file.name.removeprefix("x-"))
    assert mulan(tmp_path / "images", tmp_path / "out", LOOSE).made == ["a-layer_1", "ö-layer_1"]


def test_what_does_not_fit_is_counted_and_the_rest_goes_on(tmp_path: Path, layers: Path) -> None:
    thing = layer(RED, 5, 5, 20, 20)
    write(layers, "alone", ground())
    write(layers, "gap", ground(), thing, thing, thing)
    (layers / "gap-layer_2.png").unlink()
    write(layers, "no-ground", ground(), thing)
    (layers / "no-ground-layer_0.png").unlink()
    write(layers, "torn", ground(), thing)
    whole = (layers / "torn-layer_1.png").read_bytes()
    (layers / "torn-layer_1.png").write_bytes(whole[: len(whole) // 2])
    write(layers, "sizes", ground(), thing[:, 1:])
    write(layers, "solid", ground(), ground(1))
    write(layers, "clear", layer(RED, 0, 0, 9, 9), thing)
    write(layers, "behind", ground(), thing, layer(GREEN, 0, 0, 40, 40))
    write(layers, "tiny", ground(), layer(RED, 5, 5, 1, 1))
    write(layers, "huge", ground(), layer(RED, 0, 0, 60, 35))

    (tmp_path / "secret.png").write_bytes(whole)
    (layers / "link-layer_0.png").symlink_to(tmp_path / "secret.png")
    (layers / "000000000285-layer_01.png").write_bytes(whole)
    (layers / "torn.csv").write_text('"paths","blip2"\n"000000000139-layer_1.png"\nx,y,z\n', "utf-8")
    summary = mulan(layers, tmp_path / "out", Choice(least=0.001, most=0.8))
    assert summary.left_out.counts == {
        "photos with nothing over the ground": 1,
        "photos with a layer missing": 1,
        "photos without a ground (layer 0)": 1,
        "photos whose layers cannot be read": 1,
        "photos with layers of different sizes": 1,
        "photos with a layer that has no transparency": 1,
        "photos with a transparent ground": 1,
        "layers that nothing is seen of": 1,
        "layers too small to be removed": 1,
        "layers that cover too much": 1,
        "links out of the folder": 1,
        "layers there twice": 1,
        "broken rows of captions": 2,
    }
    assert set(read(tmp_path / "out")) == {"000000000139-layer_1", "000000000285-layer_1", "behind-layer_2"}


class Bomb:
    def __reduce__(self) -> tuple:
        return open, ("exploded", "w")


def test_pickles_are_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mulan").mkdir()
    (tmp_path / "mulan" / "000000000139.p.zl").write_bytes(zlib.compress(pickle.dumps(Bomb())))
    with pytest.raises(BadData, match="pickles") as raised:
        mulan(tmp_path / "mulan", tmp_path / "out")
    assert "dataset_decomposition.py" in raised.value.advice and not (tmp_path / "exploded").exists()


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, layers: Path) -> None:
    each = Choice("each", least=0.001)

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mulan(layers, tmp_path / "out", each, on_step=stop)
    assert not (tmp_path / "out" / "meta.json").exists()
    summary = mulan(layers, tmp_path / "out", each)
    assert summary.made == ["000000000285-layer_1"] and summary.there == 2
    mulan(layers, tmp_path / "whole", each)
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    (tmp_path / "out" / "source" / "000000000139-layer_1.png").unlink()  # lost, and made again
    assert mulan(layers, tmp_path / "out", each).made == ["000000000139-layer_1"]
    with pytest.raises(BadData, match="other settings"):
        mulan(layers, tmp_path / "out", LOOSE)


def test_nothing_to_make_pairs_of(tmp_path: Path, layers: Path) -> None:
    with pytest.raises(BadData, match="no folder"):
        mulan(tmp_path / "nothing", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match="no layers"):
        mulan(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(BadData, match="No layer") as raised:
        mulan(layers, tmp_path / "out", Choice(categories=("boat",)))
    assert "other categories" in raised.value.advice and not (tmp_path / "out" / "meta.json").exists()


@pytest.mark.parametrize(
    "settings", [{"way": "best"}, {"threshold": 2}, {"least": 0.9}, {"margin": -1}, {"seed": -1}, {"smallest": -1}]
)
def test_settings_that_make_no_sense(settings: dict) -> None:
    with pytest.raises(BadOptions):
        Choice(**settings)


def test_the_command(tmp_path: Path, layers: Path) -> None:
    command = [str(layers), "--out", str(tmp_path / "out"), "--choose", "each", "--category", "dog", "--least", "0.001"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "1 pairs made" in result.output and "2 layers of other categories" in result.output
    assert "1 were there already" in CliRunner().invoke(app, command).output
    (layers / "000000000285-layer_1.png").write_bytes(b"torn")
    command[2] = str(tmp_path / "more")
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "000000000285" in result.output
    assert CliRunner().invoke(app, [str(layers), "--out", str(tmp_path / "x"), "--choose", "best"]).exit_code == 2


@pytest.mark.parametrize(
    ("path", "layer"),
    [
        ("/a/b/000000000139-layer_0.png", ("/a/b/000000000139", 0)),
        ("C:\\x\\a-b-layer_12.PNG", ("C:/x/a-b", 12)),
        ("images/139/layer_3.png", ("images/139", 3)),
        ("layer_3.png", None),
        ("139-layer_x.png", None),
        ("139-layer_1.png.part", None),
    ],
)
def test_names_of_layers(path: str, layer: tuple[str, int] | None) -> None:
    assert layer_of(path) == layer
