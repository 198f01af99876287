"""The main table: one line a metric, one column a method; for Markdown, CSV, a terminal and the page."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rorem.evaluation.accounts import Contender
from rorem.evaluation.estimates import Definition, Estimate, kind
from rorem.evaluation.summary import CHANCE, FEWEST_FOR_BEST, Cell, Summary
from rorem.evaluation.wording import ARROWS, DISTANCE, GOOD, NONE, Scale, counted, exactly, named, scale
from rorem.metrics.intervals import RESAMPLES

if TYPE_CHECKING:
    from rich.table import Table

COLUMN = 21  # signs that a method takes in a terminal, with its borders
NAMES = 30  # and the names of the metrics
FORMULA = ("=", "+", "-", "@")  # what a spreadsheet takes for the start of one


@dataclass(frozen=True)
class Shown:
    """One number as it is written. note: what has to be known of it."""

    text: str
    interval: str = ""
    note: str = ""
    best: bool = False


@dataclass(frozen=True)
class Line:
    """One line of the table. good: which way is better, in words. n: pictures that most of its numbers stand on."""

    id: str
    title: str
    unit: str
    better: str
    good: str
    n: int
    cells: tuple[Shown, ...]


def lines(summary: Summary) -> list[Line]:
    """The table's lines; a latency has two, p50 and p95."""
    found = []
    for definition in summary.definitions:
        cells = [summary.cells.get((definition.id, one.method)) for one in summary.methods]
        if any(cell and cell.p50 for cell in cells):
            middle = [cell and cell.p50 for cell in cells]
            slow = [cell and cell.p95 for cell in cells]
            found.append(_line(definition, cells, middle, ", p50"))
            found.append(_line(definition, [cell and _plain(cell) for cell in cells], slow, ", p95"))
        else:
            found.append(_line(definition, cells, [cell and cell.mean for cell in cells]))
    return found


def markdown(summary: Summary) -> str:
    """A table for GitHub, with the rules and the failures under it."""
    names = [escaped(one.method) for one in summary.methods]
    rows = [["Metric", "", "n", *names], ["---", "---", "--:", *["--:"] * len(names)]]
    for line in lines(summary):
        title = f"{escaped(heading(line))}<br>`{line.id}`"
        rows.append([title, line.good, str(line.n), *map(_markdown_cell, line.cells)])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = "\n".join(f"- {escaped(note)}" for note in (*rules(summary), *gaps(summary)))
    return f"{table}\n\n{notes}\n"


def as_csv(summary: Summary) -> str:
    """One line for each method and metric. Numbers as they are (a rate from 0 to 1); text cannot be a formula.

    mean is empty where most pictures are exact; rest is the mean over those that are not.
    """
    columns = "method,revision,protocol,policy,metric,title,unit,better,mean,low,high,rest,median,p50,p50_low,p50_high"
    more = "p95,p95_low,p95_high,n,exact,missing,failed,absent,seeds,best"
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns.split(","), *more.split(",")])
    for method in summary.methods:
        for definition in summary.definitions:
            if cell := summary.cells.get((definition.id, method.method)):
                writer.writerow(_csv_row(summary, method, definition, cell))
    return file.getvalue()


def terminal(summary: Summary, width: int = 80) -> list[Table]:
    """Tables for rich, as many as it takes for all methods to fit. width: signs in a line."""
    from rich.table import Table
    from rich.text import Text

    every, tables = lines(summary), []
    fitting = max(1, (width - NAMES) // COLUMN)
    for start in range(0, len(summary.methods), fitting):
        chosen = slice(start, start + fitting)
        table = Table(title=None if start else "Results", title_justify="left")
        table.add_column("metric", overflow="fold")
        for one in summary.methods[chosen]:
            table.add_column(Text(one.method), justify="right", overflow="fold")
        for line in every:
            name = f"{heading(line)} {ARROWS[line.better]}".strip()
            table.add_row(
                Text(name), *(Text(_two_lines(one), "bold" if one.best else "") for one in line.cells[chosen])
            )
        tables.append(table)
    return tables


def heading(line: Line) -> str:
    """A line's title with its unit; seconds need no "(s)"."""
    return f"{line.title} ({line.unit})" if line.unit not in ("", "s") else line.title


def rules(summary: Summary) -> list[str]:
    """What a reader has to know of the numbers, in plain sentences."""
    told = [
        "Each number is a mean over pictures. Removals of one picture with several seeds are averaged first.",
        f"After it stands its 95 % interval: a bootstrap over pictures ({RESAMPLES} resamples, a fixed seed). Shares "
        "of yes have Wilson's interval with n = pictures, because the seeds of one picture are not independent.",
        "Bold is a method that beats every other one: on the pictures that both have, the 95 % interval of the paired "
        f"difference leaves out 0, and so large a difference would come up in less than {100 * CHANCE:.0f} % of runs "
        "if it were chance which of the two is ahead on each picture (a sign-flip test, by ranks where a difference is "
        f"infinite; it needs {FEWEST_FOR_BEST} pictures at least). Where nothing is bold, the run cannot tell.",
        "Among many metrics a few differences come out by chance; none of this is corrected for that.",
    ]
    if any(one.failed for one in summary.methods):
        told.append("A method that failed on a picture where another has a value is never bold beside that one.")
    if any(one.failed for one in summary.methods) and _rates(summary):
        told.append(
            "In shares of yes a removal that failed counts as a no, where another method has a value for that picture."
        )
    if any(one.better == "zero" for one in summary.definitions):
        told.append(
            f"Where nearest to 0 is best, the numbers are the {DISTANCE}, taken for each removal before any mean, so "
            "that errors of both signs do not cancel."
        )
    cells = summary.cells.values()
    if any(cell.exact for cell in cells):
        told.append(
            "Exact: equal to the last bit, which has no finite value. A mean leaves such pictures out; where they are "
            "more than half of a method's, the table says exact instead, with the mean of the rest beside it."
        )
    if any(cell.mean.value is not None and cell.mean.low is None for cell in cells):
        told.append("A number without interval is about the whole set, or stands on one picture.")
    if any(cell.mean.low is not None and cell.mean.low == cell.mean.high for cell in cells):
        told.append("Where every picture has the same value, no interval is written.")
    if any(cell.p50 for cell in cells):
        told.append("Of times, p50 and p95 are over single removals; their intervals draw pictures, too.")
    return told


def gaps(summary: Summary) -> list[str]:
    """What failed, what was not run, and what was mixed, one sentence each."""
    told = []
    for one in summary.methods:
        of = f"of {counted(summary.pictures, 'picture')}"
        if one.failed:
            noes = "they count as a no in shares of yes, and " if _rates(summary) else ""
            told.append(f"{one.method} failed on {one.failed} {of}: {noes}its other numbers are over the rest.")
        if one.absent and one.pictures:
            told.append(f"{one.method} was not run on {one.absent} {of}.")
        if len(one.revisions) > 1:
            told.append(f"{one.method} was run with several revisions of its weights: {', '.join(one.revisions)}.")
        if len(one.options) > 1:
            told.append(f"{one.method} was run with {len(one.options)} different settings, all counted together.")
    return told


def _line(
    definition: Definition, cells: Sequence[Cell | None], shown: Sequence[Estimate | None], suffix: str = ""
) -> Line:
    counts = [cell.mean.n for cell in cells if cell]
    n = max(counts, key=lambda count: (counts.count(count), count), default=0)
    unit = scale(definition, [one for one in shown if one])
    return Line(
        id=definition.id,
        title=named(definition) + suffix,
        unit=unit.unit,
        better=definition.better,
        good=GOOD[definition.better],
        n=n,
        cells=tuple(_shown(cell, one, unit, n) for cell, one in zip(cells, shown, strict=True)),
    )


def _shown(cell: Cell | None, estimate: Estimate | None, unit: Scale, n: int) -> Shown:
    if cell is None or estimate is None:
        return Shown(NONE)
    if estimate.value is None:
        return Shown("exact", note=exactly(estimate, unit), best=cell.best)
    others = (exactly(estimate, unit), f"n = {cell.mean.n}" if cell.mean.n != n else "")
    return Shown(unit.text(estimate.value), unit.interval(estimate), ", ".join(filter(None, others)), cell.best)


def _rates(summary: Summary) -> bool:
    return any(kind(one) == "rate" for one in summary.definitions)


def _plain(cell: Cell) -> Cell:
    """Nothing is said of which p95 is the best."""
    return replace(cell, best=False)


def _markdown_cell(cell: Shown) -> str:
    text = f"**{cell.text}**" if cell.best else cell.text
    return text + (f" ({cell.interval})" if cell.interval else "") + (f"<br>{cell.note}" if cell.note else "")


def _two_lines(cell: Shown) -> str:
    return "\n".join(filter(None, (cell.text, cell.interval, cell.note)))


def _csv_row(summary: Summary, method: Contender, definition: Definition, cell: Cell) -> list[object]:
    nothing = Estimate(None)
    p50, p95 = cell.p50 or nothing, cell.p95 or nothing
    text = [
        method.method,
        " ".join(method.revisions),
        " ".join(summary.protocols),
        summary.policy,
        *(definition.id, named(definition), definition.unit, definition.better),
    ]
    numbers = [cell.mean.value, cell.mean.low, cell.mean.high, cell.mean.rest, cell.median]
    numbers += [p50.value, p50.low, p50.high, p95.value, p95.low, p95.high]
    counts = [cell.mean.n, cell.exact, cell.missing, method.failed, method.absent, len(method.seeds)]
    return [*map(_no_formula, text), *("" if one is None else one for one in numbers), *counts, int(cell.best)]


def _no_formula(text: str) -> str:
    """On one line, and as text where a spreadsheet would compute it."""
    text = " ".join(text.split())
    return f"'{text}" if text.startswith(FORMULA) else text


def escaped(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    text = re.sub(r"\s+", " ", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\|*`\[\]~]|(?<!\w)_|_(?!\w))", r"\\\1", text)
