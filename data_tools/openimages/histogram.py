"""How many candidates each category has: as a picture for people, and as a table."""

from __future__ import annotations

import csv
import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from data_tools.openimages.classes import Classes
from rorem.errors import Unavailable

ROW = 0.17  # inches a category
WIDTH = 9.0  # inches
DPI = 110
MOST = 400  # categories in the picture; masks have 350
LONGEST = 30  # signs of a name
TAKEN, FAINT = "#2a78d6", "#d8dade"


@dataclass(frozen=True)
class Category:
    """eligible: objects in the table that the rules let through. taken: candidates."""

    label: str
    name: str
    eligible: int
    taken: int


def categories(eligible: Mapping[str, int], taken: Mapping[str, int], classes: Classes) -> list[Category]:
    """The categories that have anything, most candidates first."""
    every = [Category(label, classes.name(label), count, taken.get(label, 0)) for label, count in eligible.items()]
    return sorted(every, key=lambda one: (-one.taken, -one.eligible, one.name, one.label))


def table(some: Sequence[Category]) -> bytes:
    """As CSV."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("label", "category", "eligible", "taken"))
    writer.writerows((one.label, one.name, one.eligible, one.taken) for one in some)
    return text.getvalue().encode()


def picture(some: Sequence[Category], cap: int) -> bytes:
    """A PNG file: a bar for each category, dark what was taken, pale what there is, up to the cap.

    Raises Unavailable without matplotlib.
    """
    need_matplotlib()
    import matplotlib
    from matplotlib.figure import Figure

    some = some[:MOST]
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({"text.parse_math": False, "font.size": 7.5})
        figure = Figure(figsize=(WIDTH, 1.1 + ROW * max(3, len(some))), dpi=DPI, layout="constrained")
        axes = figure.subplots()
        rows = range(len(some))
        axes.barh(rows, [min(one.eligible, cap) for one in some], color=FAINT, label="eligible, up to the cap")
        axes.barh(rows, [one.taken for one in some], color=TAKEN, label="taken")
        for row, one in enumerate(some):
            axes.annotate(
                f"{one.taken:,} of {one.eligible:,}",
                (min(max(one.eligible, one.taken), cap), row),
                (3, 0),
                textcoords="offset points",
                va="center",
            )
        axes.set_yticks(rows, [_short(one.name) for one in some])
        axes.set_ylim(len(some) - 0.5, -0.5)
        axes.margins(x=0.12)
        axes.spines[["top", "right"]].set_visible(False)
        total = sum(one.taken for one in some)
        axes.set_title(f"{total:,} candidates in {sum(one.taken > 0 for one in some)} categories", loc="left")
        axes.legend(loc="lower right", frameon=False)
        data = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about signs that its font lacks, and draws as boxes
            figure.savefig(data, format="png", metadata={"Software": None})
    return data.getvalue()


def need_matplotlib() -> None:
    """Raises Unavailable where it is not installed."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        fix = "pip install 'rorem[eval]' brings it."
        raise Unavailable("The picture of the categories needs matplotlib.", fix) from error


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
