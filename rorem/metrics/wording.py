"""How a single measured value is written."""

from __future__ import annotations

import math

NONE = "none"  # nothing was there to be measured
EQUAL = "equal"  # what an infinite value means


def written(value: float, unit: str = "") -> str:
    """Without its unit, with as many decimals everywhere. Intervals, which say how many digits count, are for means."""
    if math.isnan(value) or value == -math.inf:
        return NONE
    if value == math.inf:
        return EQUAL
    return f"{value:.2f}" if unit == "dB" else f"{value:.3f}"
