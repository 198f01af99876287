"""What a manifest says, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

GAP = "  "


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines with columns of equal width: the first one to the left, all others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for cells in (heads, *rows):
        first, *others = (cell.rjust(width) for cell, width in zip(cells, widths, strict=True))
        yield GAP.join((cells[0].ljust(len(first)), *others)).rstrip()


def sums(manifest: Mapping[str, Any]) -> Iterator[str]:
    """What went in, what was left out and why, who accepted what stayed, and how sure that is."""
    yield f"Round {manifest['round']}"
    rows = [("", "out", "left"), *_steps(manifest["steps"])]
    yield from table(rows[0], rows[1:])
    accepted = manifest["accepted_by"]
    yield f"{manifest['set']['records']:,} pairs: " + ", ".join(
        f"{count:,} by {_by(name)}" for name, count in accepted.items() if count
    )
    if human := manifest["human"]:
        yield (
            f"People said yes to {human['yes']:,} of {human['shown']:,} removals: {100 * human['share']:.1f} % "
            f"[{100 * human['low']:.1f}, {100 * human['high']:.1f}]"
        )
    if agreed := manifest["agreement"]:
        yield f"People agree: {_estimates(agreed)} on {agreed['items']:,} removals with several answers"
    for calibration in manifest["calibrations"]:
        yield _calibration(calibration)


def _steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for step in (steps[0], *(step for step in steps if step["out"])):
        yield str(step["what"]), f"{step['out']:,}" if step["out"] else "", f"{step['left']:,}"


def _by(name: str) -> str:
    return {"human": "people", "judge": "the judge", "truth": "their truth"}.get(name, "nobody")


def _estimates(agreed: Mapping[str, Any]) -> str:
    named = (("raw", "raw"), ("alpha", "alpha"), ("ac1", "AC1"))
    return ", ".join(f"{title} {agreed[key]['value']:.2f}" for key, title in named if agreed[key]["value"] is not None)


def _calibration(told: Mapping[str, Any]) -> str:
    threshold = told.get("threshold")
    if not isinstance(threshold, (int, float)):
        return f"The judge accepted nothing ({told.get('reason') or 'no threshold'})"
    line = f"The judge {told.get('judge') or ''} accepts from {threshold:.3g} on ({told.get('on') or 'raw'})"
    if told.get("fallback"):
        return f"{line}, without calibration: {told.get('reason') or 'too few answers'}"
    bound = told.get("lower_bound")
    return line if not isinstance(bound, (int, float)) else f"{line}; precision at least {100 * bound:.1f} %"
