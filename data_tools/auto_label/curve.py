"""From a judge's raw score to the probability that people accept the removal: Platt's curve, or isotonic regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from data_tools.auto_label.settings import AUTO, ISOTONIC, ISOTONIC_FROM, PLATT
from data_tools.parts import hash_of
from rorem.errors import Unavailable

if TYPE_CHECKING:
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

# The share of Platt's curve in an isotonic one. So equal probabilities mean equal scores, a threshold on the one is a
# threshold on the other, and nothing is ever impossible or certain.
MIXED_IN = 0.01
FOLDS = 5
LEAST = 1e-12  # a probability, where its logarithm is taken


@dataclass(frozen=True)
class Curve:
    """Rises strictly with the score where `slope` is above 0.

    Platt: 1 / (1 + exp(-(slope raw + intercept))). Isotonic: 99 % of the line through the points (x, y), level beyond
    its ends, and 1 % of Platt's curve.
    """

    kind: str
    slope: float
    intercept: float
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()

    def probability(self, raw: np.ndarray) -> np.ndarray:
        """float64, the shape of raw, 0 to 1."""
        # tanh does not overflow, and is the logistic function.
        smooth = 0.5 + 0.5 * np.tanh(0.5 * (self.slope * np.asarray(raw, np.float64) + self.intercept))
        if self.kind == PLATT:
            return smooth
        return (1 - MIXED_IN) * np.interp(raw, self.x, self.y) + MIXED_IN * smooth


def fit(kind: str, raw: np.ndarray, likely: np.ndarray) -> Curve:
    """raw: float64 (N,), finite; likely: float64 (N,), 0 to 1: how likely a yes is by the answers, mostly 0 or 1.

    Platt, "Probabilistic outputs for support vector machines", 1999, with his targets, which keep a perfect judge's
    curve from being a step. Raises Unavailable without scikit-learn.
    """
    logistic, isotonic = _sklearn()
    middle, spread = float(raw.mean()), float(raw.std()) or 1.0
    scaled = ((raw - middle) / spread)[:, None]
    good = float(likely.sum())
    top, bottom = (good + 1) / (good + 2), 1 / (len(raw) - good + 2)
    target = likely * top + (1 - likely) * bottom
    twice, sides = np.concatenate([scaled, scaled]), np.repeat([1, 0], len(raw))
    # An infinite C is no penalty: there are only two numbers to be found.
    line = logistic(C=np.inf, tol=1e-8, max_iter=1000).fit(
        twice, sides, sample_weight=np.concatenate([target, 1 - target])
    )
    slope, intercept = float(line.coef_[0, 0]) / spread, float(line.intercept_[0])
    intercept -= slope * middle
    if kind == PLATT:
        return Curve(PLATT, slope, intercept)
    steps = isotonic(y_min=0, y_max=1, out_of_bounds="clip").fit(raw, likely)
    x, y = (tuple(map(float, values)) for values in (steps.X_thresholds_, steps.y_thresholds_))
    return Curve(ISOTONIC, slope, intercept, x, y)


def log_loss(predicted: np.ndarray, likely: np.ndarray) -> float:
    """Mean cross entropy, in nats."""
    sure = np.clip(predicted, LEAST, 1 - LEAST)
    return float(-(likely * np.log(sure) + (1 - likely) * np.log(1 - sure)).mean())


def crossed(kind: str, raw: np.ndarray, likely: np.ndarray, samples: Sequence[str], seed: int) -> np.ndarray:
    """The probability of each removal by a curve that was fitted without it and its photo. float64 (N,).

    samples: which photo with its mask each one is of. Folds are by a hash of that, so the order does not matter.
    """
    fold = np.array([hash_of("fold", str(seed), one) % FOLDS for one in samples])
    found = np.empty(len(raw))
    for number in range(FOLDS):
        out = fold == number
        if out.any():
            inside = ~out if not out.all() else out
            found[out] = fit(kind, raw[inside], likely[inside]).probability(raw[out])
    return found


def choose(
    wanted: str, raw: np.ndarray, likely: np.ndarray, samples: Sequence[str], seed: int
) -> tuple[str, np.ndarray, Mapping[str, float]]:
    """Which kind of curve, its cross-validated probabilities, and the cross-validated log loss of each kind tried.

    The lower loss wins; isotonic is tried only with enough answers, or where it is asked for.
    """
    predicted = {kind: crossed(kind, raw, likely, samples, seed) for kind in kinds(wanted, len(raw))}
    losses = {kind: log_loss(values, likely) for kind, values in predicted.items()}
    best = min(losses, key=lambda kind: losses[kind])
    return best, predicted[best], losses


def kinds(wanted: str, answers: int) -> tuple[str, ...]:
    """Those to be tried."""
    if wanted != AUTO:
        return (wanted,)
    return (PLATT, ISOTONIC) if answers >= ISOTONIC_FROM else (PLATT,)


def _sklearn() -> tuple[type[LogisticRegression], type[IsotonicRegression]]:
    try:
        from sklearn.isotonic import IsotonicRegression
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        fix = "pip install 'rorem[data]' brings it."
        raise Unavailable("Calibrating needs the package scikit-learn.", fix) from error
    return LogisticRegression, IsotonicRegression
