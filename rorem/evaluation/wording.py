"""How numbers look: the same unit and as many digits as the interval bears, everywhere in a report."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rorem.evaluation.estimates import Definition, Estimate, kind

SIGNIFICANT = 3  # digits of times and sizes, which differ by orders of magnitude between methods
MOST_DECIMALS = 4
NONE = "–"
DISTANCE = "distance from 0"
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→ 0", "": ""}
GOOD = {"higher": "higher is better", "lower": "lower is better", "zero": "nearer to 0 is better", "": ""}


@dataclass(frozen=True)
class Scale:
    """How the numbers of one metric are written. factor: to the unit shown. decimals: None = significant digits."""

    factor: float = 1.0
    unit: str = ""
    decimals: int | None = None

    def text(self, value: float | None, signed: bool = False) -> str:
        """A number without its unit; "–" for none. signed: with a plus, for differences."""
        if value is None or math.isnan(value):
            return NONE
        plus = "+" if signed and value > 0 else ""
        if math.isinf(value):
            return f"{plus}∞" if value > 0 else "-∞"
        value *= self.factor
        decimals = _decimals(value) if self.decimals is None else self.decimals
        written = f"{value:.{decimals}f}"
        return f"{plus}{written}" if float(written) else written.lstrip("-")

    def interval(self, estimate: Estimate, signed: bool = False) -> str:
        """ "30.2 to 31.9", or "" where there is none, or nothing to tell: the same on every picture."""
        if estimate.low is None or estimate.high is None:
            return ""
        if estimate.low == estimate.high and math.isclose(estimate.low, estimate.value or 0.0, abs_tol=1e-12):
            return ""  # a mean may differ from its values by rounding
        return f"{self.text(estimate.low, signed)} to {self.text(estimate.high, signed)}"


def scale(definition: Definition, shown: Iterable[Estimate]) -> Scale:
    """One scale for all numbers of a metric. shown: those that will stand next to each other."""
    shown = [one if one.value is not None else Estimate(one.rest) for one in shown]
    shown = [one for one in shown if one.value is not None]
    largest = max((abs(one.value or 0.0) for one in shown), default=0.0)
    if definition.unit == "B":
        return Scale(1e-9, "GB") if largest >= 1e9 else Scale(1e-6, "MB")
    if kind(definition) == "latency":
        return Scale(1.0, definition.unit)
    factor, unit = (100.0, "%") if kind(definition) == "rate" else (1.0, definition.unit)
    if all(float(one.value or 0.0).is_integer() and one.low in (None, one.value) for one in shown) and factor == 1:
        return Scale(1.0, unit, 0)
    return Scale(factor, unit, _bearable(shown, factor, largest))


def named(definition: Definition) -> str:
    """A metric's title, as it stands beside its numbers."""
    return f"{definition.title}, {DISTANCE}" if definition.better == "zero" else definition.title


def exactly(estimate: Estimate, unit: Scale, signed: bool = False) -> str:
    """What has to be said where values are infinite, which means equal: how many, and the mean of the rest. Or ""."""
    if not estimate.exact:
        return ""
    if estimate.value is not None:
        return f"exact in {estimate.exact} of {estimate.n}, left out"
    rest = "" if estimate.rest is None else f", mean of the rest {unit.text(estimate.rest, signed)}"
    return f"in {estimate.exact} of {estimate.n}{rest}"


def percent(share: float) -> str:
    """A share as a percentage with two significant digits."""
    return f"{100 * share:.0f} %" if share >= 0.0995 else f"{100 * share:.2g} %"


def counted(number: int, one: str, several: str = "") -> str:
    """ "1 picture", "2 pictures"."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def _bearable(shown: Iterable[Estimate], factor: float, largest: float) -> int:
    """Decimals that leave two digits of the narrowest interval's half."""
    widths = [one.high - one.low for one in shown if one.low is not None and one.high is not None]
    half = min((width for width in widths if 0 < width < math.inf), default=0.0) * factor / 2
    if not half:
        return min(MOST_DECIMALS, max(0, _decimals(largest * factor)))
    return min(MOST_DECIMALS, max(0, 1 - math.floor(math.log10(half))))


def _decimals(value: float) -> int:
    """For so many significant digits."""
    return SIGNIFICANT - 1 if not value else max(0, SIGNIFICANT - 1 - math.floor(math.log10(abs(value))))
