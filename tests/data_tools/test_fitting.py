"""What does not fit into a shard is told before it is written."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from pathlib import Path

import pytest

from data_tools.fitting import check_fits
from rorem.triplet import write_shards
from tests.triplet.samples import refused, triplets

GOOD = triplets(1)[0]
DEEP: object = reduce(lambda inner, _: [inner], range(5000), 0)


@pytest.mark.parametrize(
    "odd",
    [
        {"seed": 2**70},
        {"round": 2**40},
        {"name": "\ud800"},
        {"author": "\ud800"},
        {"extra": {"what": object()}},
        {"extra": {"deep": DEEP}},
        {"extra": {"wide": 10**5000}},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_it_is_one_sentence(odd: dict) -> None:
    with refused("Record"):
        check_fits(replace(GOOD, **odd))


def test_what_fits_is_written(tmp_path: Path) -> None:
    fine = replace(GOOD, seed=-(2**63), extra={"id": "x", "half": "\ud800", "nan": [float("nan")]})
    check_fits(fine)
    assert write_shards([fine], tmp_path)
