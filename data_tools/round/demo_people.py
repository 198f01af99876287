"""Annotators for the demonstration, who are none: what they say follows from the exact truth by a rule that is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from data_tools.parts import hash_of
from rorem.files import write_whole
from rorem.labels.exchange import ANSWERS
from rorem.mask_file import read_mask
from rorem.metrics.contract import Seen
from rorem.metrics.texture import texture_hole_gt
from rorem.picture import open_picture, to_rgb
from rorem.triplet import Triplet, TripletSet

METRIC = "texture_hole/gt"
LIMITS = {"simulated-a": 0.28, "simulated-b": 0.30, "simulated-c": 0.32}  # each says yes up to here
SHOWN = 0.5  # of all removals: the judge has to find its way with the others
RULE = (
    f"The answers are simulated, and no person gave them: of {SHOWN:.0%} of the removals, three annotators say yes "
    f"where {METRIC} (how far the texture is from the exact truth's; 0 = the same) is at most "
    + ", ".join(f"{limit:.2f}" for limit in LIMITS.values())
    + "."
)


def write_answers(removals: TripletSet, path: Path) -> int:
    """Writes what the simulated annotators say, as `rorem labels export` writes answers; how many answers.

    Raises BadData, BadPicture, BadMask for a removal that cannot be judged, OSError.
    """
    rows = list(_rows(removals))
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(ANSWERS)
    writer.writerows([row[column] for column in ANSWERS] for row in rows)
    write_whole(path, text.getvalue().encode())
    return len(rows)


def _rows(removals: TripletSet) -> Iterator[dict[str, object]]:
    for index in range(len(removals)):
        one = removals[index]
        if hash_of("shown", one.id) >= SHOWN * 2**64:
            continue
        distance = _distance(one)
        about = {"sample": one.sample, "method": one.method, "seed": one.seed, "name": one.name}
        about |= {"category": one.category, "round": one.round, "item": one.id, "reasons": "", "seconds": 0.0}
        for annotator, limit in LIMITS.items():
            yield {**about, "annotator": annotator, "verdict": "yes" if distance <= limit else "no"}


def _distance(one: Triplet) -> float:
    """nan, which is a no, where there is no truth."""
    if one.result is None or one.truth is None:
        return float("nan")
    source, result, truth = (to_rgb(open_picture(data)) for data in (one.source, one.result, one.truth))
    mask = read_mask(one.mask, source.shape[1], source.shape[0], polarity="white").mask
    return texture_hole_gt(Seen(source, mask, result, mask, truth))
