"""The ablation table so far: one row a round, from the manifests."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_tools.round.figures import METRIC, mean_psnr
from data_tools.round.manifest import MANIFEST, read_manifest
from rorem.errors import BadData
from rorem.triplet import open_set

HEADS = ("round", "set size", "new", "by people", "by judge", "human success", "threshold", "PSNR in the hole")
NOTHING = "-"


@dataclass(frozen=True)
class Row:
    """A round. size: pairs in its set. new: of these not in a previous set. human, judge: new ones, by who accepted
    them. success: shown, yes, share, low, high; None if nobody was asked. thresholds: of each calibration: value, on
    (probability or raw), wanted_precision, lower_bound, fallback. psnr: mean, low, high in dB, n, metric, of; None if
    not known. round: None for a set that is no round, such as the one that all began with.
    """

    where: str
    round: int | None
    size: int
    new: int | None = None
    human: int | None = None
    judge: int | None = None
    success: Mapping[str, float] | None = None
    thresholds: Sequence[Mapping[str, Any]] = ()
    psnr: Mapping[str, Any] | None = None


def status(folders: Sequence[Path], evaluations: Mapping[int, Path] | None = None, method: str = "") -> list[Row]:
    """Rows of rounds and other sets, in the order of rounds; sets that are none come first.

    evaluations: folders of `rorem evaluate`, by round: of the model that was trained on the round's set. method: which
    one of such a run is meant, where it has several. Raises BadData, Unavailable.
    """
    rows = [_row(folder) for folder in folders]
    told = dict(evaluations or {})
    if strange := set(told) - {row.round for row in rows}:
        raise BadData(f"There is no round {min(strange)} among the folders.", "Name its folder, too.")
    rows = [_evaluated(row, told[row.round], method) if row.round in told else row for row in rows]
    return sorted(rows, key=lambda row: -1 if row.round is None else row.round)


def cells(row: Row) -> tuple[str, ...]:
    """A row as people read it, under HEADS."""
    return (
        NOTHING if row.round is None else str(row.round),
        f"{row.size:,}",
        *(NOTHING if count is None else f"{count:,}" for count in (row.new, row.human, row.judge)),
        _success(row.success),
        "; ".join(map(_threshold, row.thresholds)) or NOTHING,
        _psnr(row.psnr),
    )


def _row(folder: Path) -> Row:
    if not (folder / MANIFEST).is_file():
        if not folder.exists():
            raise BadData(f"There is no folder called {folder}.", "Check the name.")
        return Row(str(folder), None, len(open_set(str(folder))))
    told = read_manifest(folder)
    try:
        new = told["new"]
        return Row(
            where=str(folder),
            round=int(told["round"]),
            size=int(told["set"]["records"]),
            new=sum(map(int, new.values())),
            human=int(new["human"]),
            judge=int(new["judge"]),
            success=told["human"],
            thresholds=[_calibration(one) for one in told["calibrations"]],
            psnr=told["psnr"] and {**told["psnr"], "of": "generated removals with a truth"},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadData(f"{folder / MANIFEST} is no manifest of a round.") from error


def _calibration(told: Mapping[str, Any]) -> dict[str, Any]:
    names = ("id", "on", "wanted_precision", "lower_bound", "precision", "fallback", "judge")
    return {"value": told.get("threshold"), **{name: told.get(name) for name in names}}


def _evaluated(row: Row, folder: Path, method: str) -> Row:
    """The row with the PSNR of an evaluation. Raises BadData."""
    from dataclasses import replace

    from rorem.evaluation.policies import AS_GIVEN
    from rorem.evaluation.rows import FILE, read

    if not (folder / FILE).is_file():
        raise BadData(f"{folder} has no {FILE}.", "`rorem evaluate SET --out FOLDER` writes one.")
    measured = [one for one in read(folder / FILE) if one.metric == METRIC and one.policy == AS_GIVEN]
    methods = sorted({one.method for one in measured if one.value is not None})
    if not methods or (method and method not in methods):
        raise BadData(f"{folder} has no {METRIC}{f' of {method}' if method else ''}.", "It needs a set with truth.")
    if not method and len(methods) > 1:
        raise BadData(f"{folder} has several methods: {', '.join(methods)}.", "Choose one with --method.")
    by_sample: dict[str, list[float]] = defaultdict(list)
    for one in measured:
        if one.method == (method or methods[0]) and one.value is not None:
            by_sample[one.sample].append(one.value)
    values = [sum(some) / len(some) for some in by_sample.values()]
    return replace(row, psnr={**mean_psnr(values), "of": f"{method or methods[0]} in {folder}"})


def _success(told: Mapping[str, float] | None) -> str:
    if not told:
        return NOTHING
    low, high = (f"{100 * told[end]:.1f}" for end in ("low", "high"))
    return f"{100 * told['share']:.1f} % [{low}, {high}] of {told['shown']:,}"


def _threshold(told: Mapping[str, Any]) -> str:
    value = told.get("value")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return NOTHING
    on = "p" if told.get("on") == "probability" else "raw"
    return f"{on} >= {value:.3g}" + (" (fallback)" if told.get("fallback") else "")


def _psnr(told: Mapping[str, Any] | None) -> str:
    if not told or told.get("mean") is None:
        return NOTHING
    ends = [told.get("low"), told.get("high")]
    reach = "" if None in ends else f" [{ends[0]:.2f}, {ends[1]:.2f}]"
    return f"{told['mean']:.2f} dB{reach} of {told['n']:,}"
