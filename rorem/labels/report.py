"""The report on the labels: one page that holds everything in itself and loads nothing from anywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from rorem.errors import Unavailable
from rorem.files import write_whole
from rorem.labels import plots
from rorem.labels.agreement import MOST, Estimate
from rorem.labels.annotator_stats import TOO_FAST, Share
from rorem.labels.findings import CLEAR, Findings, findings
from rorem.labels.leaderboard import describe
from rorem.labels.store import Store
from rorem.version import __version__

TEMPLATE = Path(__file__).with_name("report.html.j2")
NONE = "–"
REASON_WORDS = {
    "left_over": "something is left over",
    "new_object": "something new is there",
    "blur_or_seam": "blur or a seam",
    "colour": "colour",
    "shadow": "shadow or reflection",
}
SHORT = 8  # signs of a pseudonym; whoever needs all of it finds it in an export


def write(store: Store, path: Path, now: float, seed: int = 0) -> Findings:
    """Writes the page, whole or not at all, and returns what it says. now: seconds since 1970.

    The same store, time and seed give the same bytes. Raises Unavailable where a package is missing, OSError,
    CannotSave.
    """
    found = findings(store, seed)
    write_whole(path, page(found, now).encode())
    return found


def page(found: Findings, now: float) -> str:
    """The page as HTML. Everything that comes from the data is escaped. Raises Unavailable."""
    try:
        import matplotlib  # noqa: F401
        from jinja2 import Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        fix = "pip install 'rorem[labels]' brings them."
        raise Unavailable("A report needs jinja2 and matplotlib.", fix) from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE.read_text("utf-8")).render(
        found=found,
        date=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=__version__,
        histogram=Markup(plots.histogram(found.likely)) if found.likely else "",
        pace=Markup(plots.pace(found.slots)) if len(found.slots) > 1 else "",
        reasons=[(REASON_WORDS[name], count) for name, count in found.reasons.items() if count],
        estimate=estimate,
        share=share,
        seconds=seconds,
        remarks=describe(found.standings),
        clear=f"{CLEAR:.0%}".replace("%", " %"),
        most=MOST,
        too_fast=TOO_FAST,
        short=SHORT,
        none=NONE,
    )


def estimate(one: Estimate) -> tuple[str, str]:
    """Value and interval as text; "–" and "" for none."""
    if one.value is None:
        return NONE, ""
    between = "" if one.low is None or one.high is None else f"{one.low:.2f} to {one.high:.2f}"
    return f"{one.value:.2f}", between


def share(one: Share) -> tuple[str, str]:
    """A percentage and its interval as text; "–" and "" for none."""
    if one.value is None or one.interval is None:
        return NONE, ""
    low, high = one.interval
    return f"{100 * one.value:.0f} %", f"{100 * low:.0f} to {100 * high:.0f}"


def seconds(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f} s"
