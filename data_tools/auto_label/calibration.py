"""A calibration as the world sees it: which removals a judge's score accepts, with what promise; and its file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_tools.auto_label.curve import Curve
from data_tools.auto_label.settings import ISOTONIC, NONE, PLATT
from rorem.errors import BadData
from rorem.judge import Score

PROBABILITY, RAW = "probability", "raw"
FIX = "python -m data_tools.auto_label writes such a file."


@dataclass(frozen=True)
class Calibration:
    """id: hash of all that it was made of. curve: None where a score has no probability.

    threshold: of what `on` names, "probability" or "raw"; None = nothing is accepted. cutoff: the raw score that this
    comes to. precision: the share of yes among the `above` answered removals that are accepted, None without any;
    lower_bound: of it, one-sided, with this confidence. answers, positives: removals that it was made of, and how many
    of them people accept. fallback: there were too few answers, so this is the published threshold, and no promise.
    reason: why it is as it is, in sentences.
    """

    id: str
    judge: str
    judge_revision: str
    curve: Curve | None
    threshold: float | None
    on: str
    cutoff: float | None
    wanted_precision: float
    confidence: float
    precision: float | None
    lower_bound: float | None
    above: int
    answers: int
    positives: int
    fallback: bool
    reason: str

    @property
    def kind(self) -> str:
        return self.curve.kind if self.curve else NONE

    def probability(self, raw: np.ndarray) -> np.ndarray | None:
        """That people would accept each removal; None where nothing is known of that."""
        return self.curve.probability(raw) if self.curve else None

    def accepts(self, raw: np.ndarray) -> np.ndarray:
        """bool, the shape of raw."""
        if self.threshold is None:
            return np.zeros(np.shape(raw), bool)
        values = self.probability(raw) if self.on == PROBABILITY else raw
        return np.asarray(values) >= self.threshold

    def score(self, raw: float) -> Score:
        """As the judge tells it: `score.accepts(calibration.threshold)` is what `accepts` says, if there is a curve."""
        if self.curve is None:
            return Score(raw)
        return Score(raw, float(self.curve.probability(np.array([raw]))[0]), self.id)

    @property
    def rule(self) -> str:
        """For the record."""
        if self.threshold is None:
            return "nothing is accepted"
        if self.on == RAW:
            return Score(0.0).rule() if self.fallback else f"raw >= {self.threshold:.6g} (calibration {self.id})"
        return f"probability >= {self.threshold:.6g} (calibration {self.id})"


def to_record(one: Calibration) -> dict[str, Any]:
    """For JSON."""
    told = asdict(one)
    return {**told, "kind": one.kind, "rule": one.rule}


def from_record(told: Mapping[str, Any]) -> Calibration:
    """Other keys are passed over. Raises BadData."""
    try:
        curve = told["curve"]
        if curve is not None:
            x, y = (tuple(float(value) for value in curve[name]) for name in ("x", "y"))
            curve = Curve(curve["kind"], float(curve["slope"]), float(curve["intercept"]), x, y)
        one = Calibration(
            **{name: told[name] for name in Calibration.__dataclass_fields__ if name != "curve"}, curve=curve
        )
        if not _sound(one):
            raise ValueError
    except (KeyError, TypeError, ValueError) as error:
        raise BadData("This is no calibration.", FIX) from error
    return one


def read_calibration(path: Path) -> Calibration:
    """From a file calibration.json. Raises BadData."""
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise BadData(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.", FIX) from error
    except ValueError as error:
        raise BadData(f"{path} is no calibration.", FIX) from error
    if not isinstance(told, dict):
        raise BadData(f"{path} is no calibration.", FIX)
    return from_record(told)


def _sound(one: Calibration) -> bool:
    curve = one.curve
    if curve:
        numbers = (curve.slope, curve.intercept, *curve.x, *curve.y)
        fits = curve.kind == PLATT or (curve.kind == ISOTONIC and len(curve.x) == len(curve.y) > 0)
        if not fits or not all(map(math.isfinite, numbers)) or list(curve.x) != sorted(curve.x):
            return False
    known = one.threshold is None or math.isfinite(one.threshold)
    return known and one.on in (PROBABILITY, RAW) and (one.on == RAW or curve is not None) and bool(one.id)
