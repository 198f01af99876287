"""What a run can be told of its data."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorem.errors import BadOptions
from training.data.settings import DataSettings
from training.settings import LoopSettings, read_settings


def test_one_name_is_several() -> None:
    assert read_settings(DataSettings, None, {"data": "a"}).data == ("a",)
    assert read_settings(DataSettings, None, {"data": ["a", "b"]}).data == ("a", "b")


def test_it_is_a_mixin() -> None:
    class Both(DataSettings, LoopSettings):
        own: int = 3

    told = read_settings(Both, None, {"size": 64, "lr": 0.1})
    assert (told.size, told.lr, told.own) == (64, 0.1, 3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"size": 65}, "size.*multiple of 8"),
        ({"crop": "left"}, "crop"),
        ({"mask_changes": "grew"}, "mask_changes"),
        ({"buckets": True, "batch": 4, "bucket_run": 6}, "multiple of batch"),
        ({"buckets": True, "size": 64, "bucket_step": 128}, "bucket_step"),
        ({"cache_latents": True}, "--variants"),
        ({"data": ["a", "b"], "times": [2]}, "times"),
        ({"cache_latents": True, "crop": "squash", "mask_change": 0.5}, "--variants"),
    ],
)
def test_what_cannot_be(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(BadOptions, match=sentence):
        read_settings(DataSettings, None, given)


def test_what_can_be() -> None:
    for given in ({"crop": "squash"}, {"variants": 2}, {"crop": "centre", "mask_change": 0.1, "variants": 3}):
        assert read_settings(DataSettings, None, {"cache_latents": True, **given}).cache == Path("runs/cache")
