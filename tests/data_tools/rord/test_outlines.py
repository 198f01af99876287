"""Outlines as AI Hub's files have them, and what is made of damaged ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_tools.rord.outlines import filled, outlines_in
from rorem.errors import BadData
from tests.data_tools.rord.made import HEIGHT, WIDTH, Shot, outlines


def told(*annotation: object, resolution: object = "320, 180") -> bytes:
    raw = {"Raw_Data_Info.": {"Resolution": resolution}, "Learning_Data_Info.": {"Annotation": list(annotation)}}
    return json.dumps(raw).encode()


def test_outlines_come_in_the_frame_s_own_pixels() -> None:
    (outline,) = outlines_in(outlines(Shot(left=40, top=60)), WIDTH, HEIGHT)
    inside = filled([outline], WIDTH, HEIGHT)
    rows, columns = np.nonzero(inside)
    assert outline.kind == "F38" and (rows.min(), columns.min(), rows.max(), columns.max()) == (60, 40, 130, 100)


def test_classes_of_the_background_stay() -> None:
    square = [0, 0, 9, 0, 9, 9]
    found = outlines_in(
        told({"Class_ID": "BO3", "segmentation": square}, {"Class_ID": "F1", "segmentation": square}), 9, 9
    )
    assert [one.kind for one in found] == ["F1"]


def test_nested_outlines_are_taken_one_by_one() -> None:
    both = [[0, 0, 9, 0, 9, 9], [20, 20, 30, 20, 30, 30]]
    assert len(outlines_in(told({"Class_ID": "F1", "segmentation": both}), 320, 180)) == 2


def test_without_a_resolution_they_are_taken_as_they_are() -> None:
    (outline,) = outlines_in(told({"Class_ID": "F1", "segmentation": [0, 0, 9, 0, 9, 9]}, resolution=None), 320, 180)
    assert outline.corners.tolist() == [[0, 0], [9, 0], [9, 9]]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff\xfe{",
        b'{"Learning_Data_Info.": {"Annotation": 3}}',
        b'{"Learning_Data_Info.": {"Annotation": [3]}}',
        told({"Class_ID": "F1"}),
        told({"Class_ID": "F1", "segmentation": "abcdefg"}),
        told({"Class_ID": "F1", "segmentation": [0, 0, 1e300, 0, 9, 9]}),
        told({"Class_ID": "F1", "segmentation": [0, 0, None, 0, 9, 9]}),
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_understood_is_told(data: bytes) -> None:
    with pytest.raises(BadData, match="cannot be understood"):
        outlines_in(data, 320, 180)


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text(), lambda one: st.lists(one)).map(
        lambda value: told({"Class_ID": "F1", "segmentation": value})
    )
)
def test_anything_is_outlines_or_a_sentence(data: bytes) -> None:
    try:
        found = outlines_in(data, 320, 180)
    except BadData:
        return
    assert filled(found, 320, 180).shape == (180, 320)
