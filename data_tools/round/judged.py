"""What the judge said of removals: the scores and the calibration that `data_tools.auto_label` writes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rorem.errors import BadData
from rorem.triplet.columns import need_pyarrow
from rorem.triplet.record import sha256

SCORES, CALIBRATION = "scores.parquet", "calibration.json"
NEEDED = ("id", "raw", "probability", "accepted")
FIX = "`python -m data_tools.auto_label` writes such a folder."


@dataclass(frozen=True, slots=True)
class Score:
    """raw: what the judge gives. probability: of a yes, calibrated, 0 to 1. calibration: the id of what was used."""

    raw: float | None
    probability: float | None
    accepted: bool
    calibration: str


@dataclass(frozen=True, eq=False)
class Judged:
    """scores: by the id of the removal. calibration: as the file has it, without lists and curves.
    sha256: of both files."""

    scores: Mapping[str, Score]
    calibration: Mapping[str, Any]
    sha256: Mapping[str, str]


def read_judged(folder: Path) -> Judged:
    """Raises BadData, Unavailable without pyarrow."""
    need_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    for name in (SCORES, CALIBRATION):
        if not (folder / name).is_file():
            raise BadData(f"{folder} has no {name}.", FIX)
    try:
        calibration = json.loads((folder / CALIBRATION).read_text("utf-8"))
        hashes = {name: sha256((folder / name).read_bytes()) for name in (SCORES, CALIBRATION)}
        columns = [column.to_pylist() for column in pq.read_table(folder / SCORES, columns=list(NEEDED)).columns]
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise BadData(f"The scores in {folder} cannot be read.", FIX) from error
    if not isinstance(calibration, dict) or len(columns) < len(NEEDED):
        raise BadData(f"The scores in {folder} lack what a round needs: {', '.join(NEEDED)}.", FIX)
    told = str(calibration.get("id") or "")
    scores: dict[str, Score] = {}
    for id, raw, probability, accepted in zip(*columns, strict=True):
        score = Score(_number(raw), _number(probability), accepted is True, told)
        if id in scores and scores[id] != score:
            raise BadData(f"{folder / SCORES} has two different scores of the removal {id}.", FIX)
        scores[str(id)] = score
    if not scores:
        raise BadData(f"{folder / SCORES} holds no scores.", FIX)
    plain = {name: value for name, value in calibration.items() if not isinstance(value, (list, dict))}
    return Judged(scores, finite(plain), hashes)


def finite(value: Any) -> Any:
    """The same with None for numbers that JSON does not have."""
    if isinstance(value, dict):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: object) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None
