"""The memory ladder: each rung needs less than the one above, and only what fits is tried."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rorem.errors import BadOptions
from rorem.methods.ladder import Appetite, fitting, limit, pixels, rungs

SDXL = Appetite(  # about as large as RORem in half precision
    fixed=170_000_000,
    network=4_400_000_000,
    block=1_500_000_000,
    network_pixel=600.0,
    decoder_pixel=1536.0,
    tile=256 * 256,
)


@given(side=st.integers(64, 2048), can_offload=st.booleans())
def test_every_rung_needs_no_more_than_those_above(side: int, can_offload: bool) -> None:
    ladder = rungs(side, can_offload)
    assert ladder[0].name == "full" and len({rung.name for rung in ladder}) == len(ladder)
    for half in (False, True):
        needs = [SDXL.of(rung, pixels(rung, side, side)) for rung in ladder if rung.offload == half]
        assert needs == sorted(needs, reverse=True)
    assert any(rung.offload for rung in ladder) == can_offload
    assert all((rung.side or 64) >= 64 for rung in ladder)


@given(bytes=st.integers(0, 10**10), side=st.integers(64, 2048))
def test_only_what_fits_is_tried(bytes: int, side: int) -> None:
    ladder = rungs(side, True)
    tried = fitting(ladder, SDXL, side, side, bytes)
    assert all(SDXL.of(rung, pixels(rung, side, side)) <= bytes for rung in tried)
    assert [rung for rung in ladder if rung in tried] == tried
    assert fitting(ladder, SDXL, side, side, None) == ladder


def test_a_large_crop_goes_down_step_by_step() -> None:
    names = [
        fitting(rungs(1024, True), SDXL, 1024, 1024, round(gigabytes * 1e9))[0].name
        for gigabytes in (8, 5.3, 5.0, 3.0, 2.1)
    ]
    assert names == [
        "full",
        "autoencoder in tiles",
        "working size 768",
        "network in main memory",
        "network in main memory, working size 768",
    ]
    assert fitting(rungs(1024, True), SDXL, 1024, 1024, 10**9) == []


@pytest.mark.parametrize(
    ("text", "bytes"), [("", None), ("8GB", 8 * 10**9), ("500 mb", 500 * 10**6), ("1.5GiB", 3 * 2**29), ("123", 123)]
)
def test_an_amount_of_memory_is_read(text: str, bytes: int | None) -> None:
    assert limit({"ROREM_MEMORY": text}) == bytes


@pytest.mark.parametrize("text", ["much", "8 apples", "-1GB", "GB"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(BadOptions, match="ROREM_MEMORY"):
        limit({"ROREM_MEMORY": text})
