"""What validation found of a discriminator: all removals together, and those of each method that made them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rorem.files import write_whole
from training.discriminator_metrics import Measured, area, bins, calibration_error, precision

FILE = "report.json"
ALL = "all"
UNKNOWN = "unknown"  # of a removal that does not say what made it
DEFINITIONS = {
    "auc": "How often, of a good and a bad removal, the good one has the higher score; ties count half.",
    "ece": "Expected calibration error, in bins of equally many removals: the mean distance between score and share of "
    "yes.",
    "precision": "The share of good removals among those with a score of the threshold or more.",
    "good": "More than half of what people say is yes; a tie is a no.",
    "interval": "95 %. AUC: Newcombe's method 5; precision: Wilson's, both by Kish's effective number, since removals "
    "of one photo are alike; ECE: basic bootstrap over photos.",
    "photos": "No photo of these removals was learned from.",
}


@dataclass(frozen=True, eq=False)
class Seen:
    """The removals of validation. likely, said: float64 (n,), what the network and what people say, 0 to 1. photo,
    method: str (n,)."""

    likely: np.ndarray
    said: np.ndarray
    photo: np.ndarray
    method: np.ndarray

    def __len__(self) -> int:
        return len(self.likely)

    @property
    def yes(self) -> np.ndarray:
        return self.said > 0.5

    def of(self, chosen: np.ndarray) -> Seen:
        return Seen(self.likely[chosen], self.said[chosen], self.photo[chosen], self.method[chosen])


@dataclass(frozen=True)
class Row:
    """name: "all" or a method. removals, photos, good: how many. accepted: share of the removals that reach the
    threshold. None: cannot be told of so few."""

    name: str
    removals: int
    photos: int
    good: int
    auc: Measured | None
    ece: Measured | None
    precision: Measured | None
    accepted: float


def rows(seen: Seen, threshold: float) -> list[Row]:
    """All together, then each method by its name. seen: at least one removal."""
    named = np.where(seen.method == "", UNKNOWN, seen.method)
    methods = sorted(set(named.tolist()))
    parts = [(ALL, seen)] + [(method, seen.of(named == method)) for method in methods]
    return [_row(name, part, threshold) for name, part in parts]


def metrics(found: Sequence[Row]) -> dict[str, float]:
    """By name, for curves and for choosing the best checkpoint: those of all with their intervals, and NAME/METHOD.

    What cannot be told is left out.
    """
    told: dict[str, float] = {}
    for row in found:
        for name in ("auc", "ece", "precision"):
            one: Measured | None = getattr(row, name)
            if one is None:
                continue
            if row.name == ALL:
                told |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
            else:
                told[f"{name}/{row.name}"] = one.value
        if row.name == ALL:
            told["accepted"] = row.accepted
    return told


def table(found: Sequence[Row], threshold: float) -> str:
    """Markdown, with the definitions below."""
    head = "AUC", "ECE", f"precision from {threshold:g}", "accepted"
    lines = [f"| method | removals | photos | good | {' | '.join(head)} |", "|---|" + "---:|" * (3 + len(head))]
    for row in found:
        numbers = [_told(one) for one in (row.auc, row.ece, row.precision)]
        cells = [
            row.name.replace("|", "\\|"),
            row.removals,
            row.photos,
            row.good,
            *numbers,
            f"{100 * row.accepted:.1f} %",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join([*lines, "", *(f"- {name}: {meaning}" for name, meaning in DEFINITIONS.items())])


def write_report(seen: Seen, found: Sequence[Row], threshold: float, step: int, file: Path) -> None:
    """As JSON: rows, definitions, and the reliability curve. Raises OSError."""
    told = {
        "step": step,
        "threshold": threshold,
        "rows": [asdict(row) for row in found],
        "reliability": list(_reliability(seen)),
        "definitions": DEFINITIONS,
    }
    write_whole(file, json.dumps(told, indent=2).encode())


def read_rows(file: Path) -> tuple[list[Row], float] | None:
    """The rows of a report and its threshold; None where there is none."""
    try:
        told: Mapping[str, Any] = json.loads(file.read_bytes())
        return [_of_record(row) for row in told["rows"]], float(told["threshold"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _row(name: str, seen: Seen, threshold: float) -> Row:
    accepted, yes = seen.likely >= threshold, seen.yes
    return Row(
        name,
        len(seen),
        len(np.unique(seen.photo)),
        int(yes.sum()),
        area(seen.likely, yes, seen.photo),
        calibration_error(seen.likely, seen.said, seen.photo),
        precision(accepted, yes, seen.photo),
        float(accepted.mean()),
    )


def _reliability(seen: Seen) -> Iterator[dict[str, float]]:
    which = bins(seen.likely)
    for number in np.unique(which):
        inside = which == number
        yield {
            "removals": int(inside.sum()),
            "predicted": float(seen.likely[inside].mean()),
            "said": float(seen.said[inside].mean()),
        }


def _told(one: Measured | None) -> str:
    return "" if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _of_record(told: Mapping[str, Any]) -> Row:
    measured = {name: None if told[name] is None else Measured(**told[name]) for name in ("auc", "ece", "precision")}
    return Row(**{**told, **measured})
