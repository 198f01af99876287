"""The report on a calibration: one page that holds everything in itself and loads nothing from anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from data_tools.auto_label import plots
from data_tools.auto_label.findings import Findings
from data_tools.auto_label.left_out import LEAST, MOST
from data_tools.auto_label.settings import DAWID_SKENE, MANY, THREE
from data_tools.tally import Tally
from rorem.errors import Unavailable
from rorem.metrics.intervals import wilson
from rorem.version import __version__

TEMPLATE = Path(__file__).with_name("report.html.j2")
NONE = "–"
MODELS = {True: "by the model of Dawid and Skene", False: "by the majority"}


def page(found: Findings, about: Mapping[str, object], notes: Sequence[str], failed: Tally) -> str:
    """The page as HTML. The same findings give the same bytes; everything that comes from the data is escaped.

    about: set, judge, revision, answers_from. Raises Unavailable.
    """
    try:
        import matplotlib  # noqa: F401
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise Unavailable("A report needs jinja2 and matplotlib.", "pip install 'rorem[data]' brings them.") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        found=found,
        made=found.calibration,
        about=about,
        notes=notes,
        failed=list(failed.lines()),
        unused=list(found.unused.lines()),
        version=__version__,
        accepted=int(found.accepted.sum()),
        reliability=Markup(plots.reliability(found.bins)) if found.bins else "",
        tests=Markup(plots.tests(found.looks, found.settings.wanted)) if len(found.looks) > 1 else "",
        scores=Markup(plots.scores(found.raw, found.accepted)),
        groups=[(kind, some) for kind, some in (("Method", found.by_method), ("Category", found.by_category)) if some],
        model=MODELS[found.settings.verdicts == DAWID_SKENE],
        three=found.use == THREE,
        many=MANY,
        least=LEAST,
        most=MOST,
        rate=rate,
        percent=percent,
        points=points,
        missing=NONE,
    )


def rate(part: int, whole: int) -> tuple[str, str]:
    """A percentage and its 95 % interval by Wilson, as text; "–" and "" for none."""
    if not whole:
        return NONE, ""
    low, high = wilson(part, whole)
    return percent(part / whole), f"{100 * low:.1f} to {100 * high:.1f}, of {whole:,}"


def percent(value: float | None) -> str:
    return NONE if value is None else f"{100 * value:.1f} %"


def points(value: float) -> str:
    """A difference in percentage points, with its sign."""
    return f"{100 * value:+.1f}"
