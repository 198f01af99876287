"""The table of probes: what each metric says of each trick, and which tricks fool it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rorem.evaluation.estimates import Definition
from rorem.evaluation.probes import ABOUT, HONEST
from rorem.evaluation.rows import Row
from rorem.evaluation.summary import CHANCE, Cell, Summary, summarize
from rorem.evaluation.wording import ARROWS, DISTANCE

TRUTH = "truth"
RULE = (
    "Means over the pictures. **Bold**: the metric scores the trick better than the honest removal, and the paired "
    f"95 % interval of the difference excludes 0, and a sign-flip test agrees (p < {CHANCE}): the metric can be gamed "
    "this way. Metrics without a good direction are never bold, and the truth is no trick. "
    f"Of metrics that are best at 0 the {DISTANCE} is shown."
)


@dataclass(frozen=True)
class ProbeTable:
    """tricks: the lines, the honest removal first. cells: (metric id, trick). fooled: the same keys, where the trick
    scores better than the honest removal."""

    tricks: tuple[str, ...]
    metrics: tuple[Definition, ...]
    cells: Mapping[tuple[str, str], Cell]
    fooled: frozenset[tuple[str, str]]
    pictures: int


def probe_table(rows: Sequence[Row], definitions: Mapping[str, Definition]) -> ProbeTable:
    """rows: as `probes.probed` gives them. definitions: of the metrics to show; facts such as times are none."""
    measured = [row for row in rows if row.metric in definitions]
    summary = summarize(measured, definitions, tuple(ABOUT))
    tricks = tuple(one.method for one in summary.methods)
    fooled = {
        (metric.id, trick)
        for metric in summary.definitions
        for trick in tricks
        if trick not in (HONEST, TRUTH) and _better(summary, metric.id, trick)
    }
    return ProbeTable(tricks, summary.definitions, summary.cells, frozenset(fooled), summary.pictures)


def markdown(table: ProbeTable) -> str:
    """As GitHub's markdown, with the rule beneath."""
    lines = [
        "| " + " | ".join(("", *(f"`{metric.id}` {ARROWS[metric.better]}".strip() for metric in table.metrics))) + " |",
        "|---|" + "---:|" * len(table.metrics),
        *(
            "| " + " | ".join((trick, *(_shown(table, metric.id, trick) for metric in table.metrics))) + " |"
            for trick in table.tricks
        ),
        "",
        f"{table.pictures} pictures. {RULE}",
        "",
        *(f"- **{trick}**: {ABOUT[trick]}" for trick in table.tricks),
        "",
    ]
    return "\n".join(lines)


def _better(summary: Summary, metric: str, trick: str) -> bool:
    first = summary.differences.get((metric, HONEST, trick))
    if first is not None:
        return first.better == "b"
    second = summary.differences.get((metric, trick, HONEST))
    return second is not None and second.better == "a"


def _shown(table: ProbeTable, metric: str, trick: str) -> str:
    cell = table.cells.get((metric, trick))
    text = "" if cell is None else _words(cell)
    return f"**{text}**" if text and (metric, trick) in table.fooled else text


def _words(cell: Cell) -> str:
    value = cell.mean.value
    if value is None:
        return "equal" if cell.exact == cell.mean.n else f"equal in {cell.exact} of {cell.mean.n}"
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"
    return f"{text} (equal in {cell.exact})" if cell.exact else text
