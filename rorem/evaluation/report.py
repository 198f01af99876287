"""The report: table.md, table.csv, and one page that holds everything in itself and loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rorem.errors import BadData, Unavailable
from rorem.evaluation import paper as published
from rorem.evaluation import plots, sections, tables
from rorem.evaluation.cases import Fetch
from rorem.evaluation.estimates import Definition, Estimate, kind
from rorem.evaluation.policies import AS_GIVEN
from rorem.evaluation.rows import Row
from rorem.evaluation.slices import BY_SIZE, cuts, policies
from rorem.evaluation.summary import Summary, summarize
from rorem.evaluation.wording import GOOD, counted, named, scale
from rorem.files import write_whole

TABLE, CSV, PAGE = "table.md", "table.csv", "report.html"
TEMPLATE = Path(__file__).with_name("report.html.j2")
NAMES = 5  # pictures named with a failure; more are counted


@dataclass(frozen=True)
class RunFacts:
    """What was run, for the head of a report.

    dataset: its name or path. protocol, machine, date, version: as they are to be read; "" = not told.
    methods: ids in the order of the tables. titles: of methods, by id. left_out: metric id -> why it was not measured.
    notes: sentences on the run. headline: id of the metric that comes first and by which cases are chosen, "" = ours.
    """

    dataset: str
    protocol: str = ""
    machine: str = ""
    date: str = ""
    version: str = ""
    methods: Sequence[str] = ()
    titles: Mapping[str, str] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    headline: str = ""


def write(
    folder: Path,
    rows: Sequence[Row],
    about: RunFacts,
    definitions: Mapping[str, Definition],
    pictures: Fetch | None = None,
    paper: bool = False,
    seed: int = 0,
) -> Summary:
    """Writes the three files of a report into a folder, each whole or not at all, and returns what they say.

    rows: in any order; the same rows give the same bytes. definitions: by metric id, in the order of the tables.
    pictures: gives the pictures of a removal, None where they are gone; without it the page has no cases.
    paper: print the paper's own tables, too. seed: of all bootstraps.
    Raises BadData for rows without any number, Unavailable without matplotlib and jinja2, OSError.
    """
    if not any(row.value is not None for row in rows):
        raise BadData("Nothing was measured, so there is nothing to report.", "Look at the failures of the run.")
    given = {row.policy for row in rows}
    policy = AS_GIVEN if AS_GIVEN in given else min(given)
    summary = summarize(rows, definitions, about.methods, policy, seed)
    html = page(summary, rows, about, definitions, pictures, paper, seed)
    table = f"# {tables.escaped(about.dataset)}\n\n{tables.markdown(summary)}"
    write_whole(folder / TABLE, (f"{table}\n{published.markdown()}" if paper else table).encode())
    write_whole(folder / CSV, tables.as_csv(summary).encode())
    write_whole(folder / PAGE, html.encode())
    return summary


def page(
    summary: Summary,
    rows: Sequence[Row],
    about: RunFacts,
    definitions: Mapping[str, Definition],
    pictures: Fetch | None = None,
    paper: bool = False,
    seed: int = 0,
) -> str:
    """The page as HTML. Everything that comes from the rows is escaped."""
    try:
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise Unavailable("A report needs jinja2 and matplotlib.", "pip install 'rorem[eval]' brings them.") from error
    divided, grid = cuts(summary, seed), policies(rows, definitions, about.methods, seed)
    by_size = next((cut for cut in divided if cut.title == BY_SIZE), None)
    shown, several = sections.headlines(summary, about.headline), len(summary.methods) > 1
    single = sections.by_picture(summary, shown)
    chosen_by = sections.for_cases(shown) if pictures else None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        about=about,
        summary=summary,
        counted=counted,
        named=named,
        good=GOOD,
        palette=plots.PALETTE,
        lines=tables.lines(summary),
        rules=tables.rules(summary),
        gaps=tables.gaps(summary),
        left_out=_left_out(summary, about, definitions),
        interval_plots=[Markup(plots.intervals(summary, one)) for one in sections.drawable(summary)],
        seconds_plots=[Markup(one) for one in _against_seconds(summary, shown)],
        size_plots=[Markup(plots.by_part(summary, by_size, one)) for one in shown] if by_size else [],
        slices=[sections.of_slices(summary, divided, one) for one in single] if divided else [],
        policies=[sections.of_policies(grid, one) for one in grid.definitions] if grid else [],
        pairs=[sections.of_pairs(summary, one) for one in single if one.better] if several else [],
        chosen_by=chosen_by,
        chosen_scale=scale(chosen_by, _means(summary, chosen_by)) if chosen_by else None,
        cases=sections.of_cases(summary, chosen_by, pictures) if chosen_by and pictures else [],
        paper=published.published() if paper else None,
        troubles=[(one, one.names[:NAMES], max(0, len(one.names) - NAMES)) for one in summary.troubles],
    )


def _left_out(summary: Summary, about: RunFacts, definitions: Mapping[str, Definition]) -> list[tuple[str, str, str]]:
    """Metrics without any value: id, title, reason."""
    reasons = {**summary.empty, **about.left_out}
    return [(id, definitions[id].title if id in definitions else id, why) for id, why in reasons.items()]


def _against_seconds(summary: Summary, shown: Sequence[Definition]) -> list[str]:
    latency = next((one for one in summary.definitions if kind(one) == "latency"), None)
    drawn = [plots.against_seconds(summary, one, latency) for one in shown if latency and one != latency]
    return [one for one in drawn if one]


def _means(summary: Summary, definition: Definition) -> list[Estimate]:
    return [cell.mean for (metric, _), cell in summary.cells.items() if metric == definition.id]
