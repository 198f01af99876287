"""Making a calibration: the curve by all answers, and the threshold by a sequence of tests from the top."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from data_tools.auto_label.bound import Look, lower_bound, needed, passed, sequence
from data_tools.auto_label.calibration import PROBABILITY, RAW, Calibration
from data_tools.auto_label.curve import Curve, choose, fit, kinds
from data_tools.auto_label.scorers import DISCRIMINATOR
from data_tools.auto_label.settings import OF_EACH, Settings
from data_tools.auto_label.verdicts import Known
from rorem.judge import PUBLISHED_THRESHOLD

EDITION = 2  # raised by whoever changes what the same answers and settings give
DIGITS = 16  # of an id
NOT_ITS_OWN = "That number was chosen for the published discriminator, not for this judge."
WORTHLESS = "There is no curve: removals that people accept do not score higher than others."


@dataclass(frozen=True, eq=False)
class Made:
    """A calibration and what led to it. looks: the tests that were made. losses: cross-validated log loss of each kind
    of curve that was tried. predicted: for each removal, float64 (N,), by a curve fitted without it; None where that is
    not asked for, or there is no curve."""

    calibration: Calibration
    looks: tuple[Look, ...]
    losses: Mapping[str, float]
    predicted: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Columns:
    """Of N removals. raw, likely: float64 (N,); yes: bool (N,); samples: of each."""

    raw: np.ndarray
    likely: np.ndarray
    yes: np.ndarray
    samples: tuple[str, ...]

    @classmethod
    def of(cls, known: Sequence[Known]) -> Columns:
        return cls(
            np.array([one.scored.raw for one in known], np.float64),
            np.array([one.likely for one in known], np.float64),
            np.array([one.yes for one in known], bool),
            tuple(one.scored.sample for one in known),
        )


def calibrate(known: Sequence[Known], settings: Settings, judge: str, revision: str, checked: bool = True) -> Made:
    """known: as `chosen` gives them. The order does not matter, and the same input gives the same calibration.

    The threshold rests on the order of the scores alone, which no answer has a say in; so all answers serve the curve
    and the tests alike. checked: whether what a check of the probabilities needs is made, too.
    Raises Unavailable without scikit-learn.
    """
    known = sorted(known, key=lambda one: one.scored.id)
    columns = Columns.of(known)
    base = Calibration(
        id=_id(known, settings, judge, revision),
        judge=judge,
        judge_revision=revision,
        curve=None,
        threshold=None,
        on=RAW,
        cutoff=None,
        wanted_precision=settings.wanted,
        confidence=settings.confidence,
        precision=None,
        lower_bound=None,
        above=0,
        answers=len(known),
        positives=int(columns.yes.sum()),
        fallback=False,
        reason="",
    )
    if len(known) < (least := needed(settings.wanted, settings.confidence)):
        return Made(_published(base, columns, _too_few(len(known), least, settings)), (), {}, None)
    fitted = _fitted(columns, settings, checked)
    looks = sequence(columns.raw, columns.yes, settings.wanted, settings.confidence)
    made = _by_tests(base, fitted.curve, columns.raw, looks)
    if fitted.why_none:
        made = replace(made, reason=f"{made.reason} {fitted.why_none}")
    return Made(made, tuple(looks), fitted.losses, fitted.predicted)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """why_none: why there is no curve; "" if there is. The others as in `Made`."""

    curve: Curve | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    predicted: np.ndarray | None = None
    why_none: str = ""


def _fitted(columns: Columns, settings: Settings, checked: bool) -> _Fitted:
    """A curve, where good removals and bad ones allow one. The threshold needs none."""
    count, good = len(columns.raw), int(columns.yes.sum())
    if min(good, count - good) < OF_EACH:
        why = f"There is no curve: it needs {OF_EACH} that people accept and {OF_EACH} that they do not"
        return _Fitted(why_none=f"{why}, and they accept {good} of {count}.")
    predicted, losses = None, {}
    kind, *more = kinds(settings.kind, count)
    if more or checked:
        kind, predicted, losses = choose(settings.kind, columns.raw, columns.likely, columns.samples, settings.seed)
    curve = fit(kind, columns.raw, columns.likely)
    if curve.slope <= 0:
        return _Fitted(losses=losses, why_none=WORTHLESS)
    return _Fitted(curve, losses, predicted)


def _too_few(count: int, least: int, settings: Settings) -> str:
    have = "no removal" if not count else "1 removal" if count == 1 else f"{count} removals"
    return (
        f"There are answers on {have}. Fewer than {least} cannot show a precision of {percent(settings.wanted)} "
        f"with {percent(settings.confidence)} confidence, whatever they say."
    )


def _published(base: Calibration, columns: Columns, why: str) -> Calibration:
    """The published threshold. What the few answers say of it is told; it was fixed before, so this is one test."""
    above = columns.raw >= PUBLISHED_THRESHOLD
    n, good = int(above.sum()), int(columns.yes[above].sum())
    whose = "" if base.judge == DISCRIMINATOR else f" {NOT_ITS_OWN}"
    return replace(
        base,
        threshold=PUBLISHED_THRESHOLD,
        cutoff=PUBLISHED_THRESHOLD,
        precision=good / n if n else None,
        lower_bound=lower_bound(good, n, base.confidence) if n else None,
        above=n,
        fallback=True,
        reason=f"{why} So the published {PUBLISHED_THRESHOLD} on raw is the threshold, and nothing is promised.{whose}",
    )


def _by_tests(base: Calibration, curve: Curve | None, raw: np.ndarray, looks: Sequence[Look]) -> Calibration:
    base = replace(base, curve=curve, on=PROBABILITY if curve else RAW)
    sure = f"with {percent(base.confidence)} confidence"
    for last in reversed(passed(list(looks), base.wanted_precision)):
        values = curve.probability(np.array([last.cutoff, *raw])) if curve else np.array([last.cutoff, *raw])
        threshold = float(values[0])
        # Where a curve has come so near to 1 that numbers end, lower scores would be accepted than were tested.
        if int((values[1:] >= threshold).sum()) == last.answered:
            reason = (
                f"Of the {last.answered} answered removals that score {last.cutoff:.4g} or more people accept "
                f"{last.yes}: {percent(last.share)}, at least {percent(last.low)} {sure}."
            )
            return replace(
                base,
                threshold=threshold,
                cutoff=last.cutoff,
                precision=last.share,
                lower_bound=last.low,
                above=last.answered,
                reason=reason,
            )
    first = looks[0]
    return replace(
        base,
        reason=f"Of the {first.answered} best-scored answered removals people accept {first.yes}: "
        f"{percent(first.share)}, at least {percent(first.low)} {sure}. Not even there "
        f"{percent(base.wanted_precision)} are shown, so nothing is accepted.",
    )


def percent(share: float) -> str:
    """As a sentence has it: 95 %, 97.3 %."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def _id(known: Sequence[Known], settings: Settings, judge: str, revision: str) -> str:
    rows = [[one.scored.id, one.scored.sample, one.scored.raw.hex(), one.yes, one.likely.hex()] for one in known]
    told = [EDITION, judge, revision, asdict(settings), rows]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:DIGITS]
