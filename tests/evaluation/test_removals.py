"""A removal as a record: what is new in it, and what stays."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from rorem.errors import BadMask, BadPicture
from rorem.evaluation.makers import ByMethod
from rorem.evaluation.removals import removal
from rorem.picture import open_picture, to_rgb
from tests.evaluation.sets import png, scene, triplet


def test_a_removal_says_how_it_came_about() -> None:
    given = replace(triplet(1), result=b"no picture", accepted_by="judge", p_yes=0.9, votes_no=2, extra={"kept": [1]})
    made = removal(ByMethod("telea", {"radius": 3}), given, 17)
    assert (made.name, made.source, made.mask, made.truth) == (given.name, given.source, given.mask, given.truth)
    assert (made.method, made.revision, made.protocol, made.seed) == ("telea", "opencv 5", "same pipeline", 17)
    assert json.loads(made.options) == {"radius": 3} and made.network_calls == 0
    assert (made.accepted_by, made.p_yes, made.votes_no) == ("none", None, 0)
    assert made.extra["kept"] == [1] and made.extra["notes"] == [] and float(str(made.extra["removal_seconds"])) >= 0
    assert made.extra == json.loads(json.dumps(made.extra))
    source, mask, _ = scene(1)
    result = to_rgb(open_picture(made.result or b""))
    assert result.shape == source.shape and (result[mask] != source[mask]).any()


def test_a_name_of_its_own() -> None:
    assert removal(ByMethod("telea", {}), triplet(1), 0, "scene-telea").name == "scene-telea"


def test_what_cannot_be_removed_is_an_error() -> None:
    with pytest.raises(BadPicture):
        removal(ByMethod("telea", {}), replace(triplet(1), source=b"no picture"), 0)
    with pytest.raises(BadMask):
        removal(ByMethod("telea", {}), replace(triplet(1), mask=png(scene(1)[1] & False)), 0)
