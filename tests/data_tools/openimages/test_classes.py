"""Names and hierarchy: clothing and body parts go with all below them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from data_tools.openimages.classes import Classes, read_classes
from data_tools.openimages.settings import Settings
from rorem.errors import BadData, BadOptions
from tests.data_tools.openimages.made import CAR, HAND, HANDBAG, HELMET, HIERARCHY, MAN, NAMES, SHIRT, table


def read(folder: Path, descriptions: bytes, hierarchy: object = HIERARCHY) -> Classes:
    (folder / "names.csv").write_bytes(descriptions)
    (folder / "tree.json").write_text(hierarchy if isinstance(hierarchy, str) else json.dumps(hierarchy))
    return read_classes(folder / "names.csv", folder / "tree.json")


def test_descriptions_come_with_a_head_and_without(tmp_path: Path) -> None:
    with_head = read(tmp_path, table([("LabelName", "DisplayName"), *NAMES.items()]))
    without = read(tmp_path, b"\xef\xbb\xbf" + table(list(NAMES.items())))
    assert with_head.names == without.names == NAMES
    assert with_head.fingerprint == without.fingerprint


def test_children_go_with_their_class_by_every_way(tmp_path: Path) -> None:
    classes = read(tmp_path, table(list(NAMES.items())))
    left = classes.left_out(Settings.leave_out, ())
    assert {SHIRT, HANDBAG, HELMET, HAND, "/m/09j2d", "/m/02p0tk3"} <= left
    assert not {CAR, MAN, "/m/01g317"} & left, "a person is no body part"


def test_classes_may_be_kept_by_name_or_label(tmp_path: Path) -> None:
    classes = read(tmp_path, table(list(NAMES.items())))
    left = classes.left_out(["clothing"], ["luggage AND bags", HELMET])
    assert SHIRT in left and not {HANDBAG, HELMET, "/m/0hf58v5"} & left
    assert classes.left_out([], []) == frozenset()


def test_names_of_any_language(tmp_path: Path) -> None:
    classes = read(tmp_path, table([(CAR, "Café, groß")]))
    assert classes.name(CAR) == "Café, groß"
    assert classes.name("/m/unknown") == "/m/unknown"


def test_an_unknown_class_is_told(tmp_path: Path) -> None:
    classes = read(tmp_path, table(list(NAMES.items())))
    with pytest.raises(BadOptions, match="no class called 'Shoes'"):
        classes.left_out(["Shoes"], [])


def test_a_class_may_be_below_itself(tmp_path: Path) -> None:
    loop = {"LabelName": CAR, "Subcategory": [{"LabelName": MAN, "Subcategory": [{"LabelName": CAR}]}]}
    assert read(tmp_path, table(list(NAMES.items())), loop).left_out([MAN], []) == {CAR, MAN}


@pytest.mark.parametrize(
    "hierarchy",
    [
        "",
        "[" * 100_000,
        "[]",
        "{}",
        '{"LabelName": 3}',
        '{"LabelName": "/m/a", "Part": 3}',
        '{"LabelName": "/m/a", "Part": [3]}',
    ],
)
def test_another_file_is_no_hierarchy(tmp_path: Path, hierarchy: str) -> None:
    with pytest.raises(BadData, match=r"tree.json is no hierarchy"):
        read(tmp_path, table(list(NAMES.items())), hierarchy)


@pytest.mark.parametrize("descriptions", [b"", b"\xff\xfe\x00", b"MaskPath,ImageID\n"])
def test_another_file_is_no_list_of_classes(tmp_path: Path, descriptions: bytes) -> None:
    with pytest.raises(BadData, match=r"names.csv is no list of classes"):
        read(tmp_path, descriptions)
