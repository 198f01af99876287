"""Triplets to write and read: small ones by hand, odd ones by chance."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from rorem.errors import BadData
from rorem.triplet import Triplet, TripletSet

FIELDS = [field.name for field in fields(Triplet)]


def picture(seed: int, format: str = "PNG") -> bytes:
    """A file of 24 x 16 pixels."""
    noise = np.random.default_rng(seed).integers(0, 256, (16, 24, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, format)
    return file.getvalue()


def triplets(count: int, first: int = 0) -> list[Triplet]:
    """Every second one has a result."""
    return [
        Triplet(
            f"photo {number}",
            picture(number, "JPEG"),
            picture(1000 + number),
            result=picture(2000 + number) if number % 2 else None,
            category="boat",
            seed=number,
            extra={"score": number / 4},
        )
        for number in range(first, first + count)
    ]


def same(one: object, other: object) -> bool:
    assert isinstance(one, Triplet) and isinstance(other, Triplet), (one, other)
    return all(getattr(one, name) == getattr(other, name) for name in FIELDS)


def good(found: Iterable[Triplet | BadData]) -> list[Triplet]:
    return [one for one in found if isinstance(one, Triplet)]


def bad(found: TripletSet) -> dict[str, str]:
    """What is wrong, by the names of the records."""
    return {name: str(one) for name, one in zip(found.names, found, strict=True) if isinstance(one, BadData)}


@contextmanager
def refused(*words: str) -> Iterator[None]:
    """BadData whose advice is one line and has these words."""
    with pytest.raises(BadData) as raised:
        yield
    advice = raised.value.advice
    assert "\n" not in advice and "Traceback" not in advice
    for word in words:
        assert word in advice, advice


def folder_with(folder: Path, files: dict[str, bytes | str | list]) -> Path:
    """Lists are written as JSON."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(content) if isinstance(content, list) else content
        (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
bytes_ = st.one_of(st.binary(max_size=20), st.integers(0, 3).map(picture))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
count = st.integers(-(2**31), 2**31 - 1)
# Keys of our own among them: they must not be taken for what they are called.
keys = texts | st.sampled_from(["score", "name", "source", "GT", "extra", "id", "seed", "sha256_mask", "path"])
odd_triplets = st.lists(
    st.builds(
        Triplet,
        name=names,
        source=bytes_,
        mask=bytes_,
        result=st.none() | bytes_,
        truth=st.none() | bytes_,
        effect=st.none() | bytes_,
        method=texts,
        revision=texts,
        options=texts,
        protocol=texts,
        seed=st.integers(-(2**63), 2**63 - 1),
        network_calls=count,
        category=texts,
        round=count,
        accepted_by=texts,
        p_yes=st.none() | st.floats(0, 1, width=32),
        votes_yes=count,
        votes_no=count,
        licence=texts,
        author=texts,
        extra=st.dictionaries(keys, plain, max_size=3),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda triplet: triplet.name,
)
