"""The command: `python -m data_tools.openimages --root DIR --out DIR`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import OnStep, tell, told
from data_tools.openimages import layout
from data_tools.openimages.bucket import Bucket
from data_tools.openimages.building import Progress, Summary, make_list, make_set
from data_tools.openimages.settings import DIGITS, EVEN, SUBSETS, Settings
from rorem.errors import BadOptions
from rorem.terminal import complain, in_sentences, say

ROOT = "The folder with the files of OpenImages."
OUT = "The folder for the set of candidates, photo and mask."
LIST = "Instead of a set: a file for a list of candidates, JSON lines; no photo is read."
TABLE_ONLY = "For a list: go by the boxes of the table and read no mask."
COUNT = "How many candidates; 0 = as many as the cap allows."
BALANCE = "even: every category in turn; natural: as frequent as in the data."
HOLES = "Most of the filled shape that may be holes."
IOU = "Least predicted IoU of a mask, 0 to 1."
SEVERAL = "Share of candidates with several objects of one photo."
LEAVE_OUT = (
    "A class to leave out with all below it, by name or label; say it again for another. "
    'Without it: clothing and body parts. "" leaves nothing out.'
)
KEEP = "A class to keep with all below it, though one above it is left out; say it again for another."
DIGIT = "Only photos whose id begins with one of these; each needs one archive of masks."
ORIGINALS = "Photos as their authors published them, in full size, checked against the list."
FETCH = "Fetch what the folder lacks from the public bucket."
MORE = "Another folder where masks and photos may lie; say it again for more."
MEGA = 1_000_000

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    root: Annotated[Path, typer.Option(help=ROOT)],
    out: Annotated[Path | None, typer.Option(help=OUT)] = None,
    list_: Annotated[Path | None, typer.Option("--list", help=LIST)] = None,
    table_only: Annotated[bool, typer.Option("--table-only", help=TABLE_ONLY)] = False,
    subset: Annotated[str, typer.Option(help=f"{', '.join(SUBSETS)}.")] = SUBSETS[0],
    count: Annotated[int, typer.Option(min=0, help=COUNT)] = 0,
    cap: Annotated[int, typer.Option(min=1, help="Most candidates of one category.")] = 500,
    balance: Annotated[str, typer.Option(help=BALANCE)] = EVEN,
    smallest: Annotated[float, typer.Option(help="Least share of the photo, 0 to 1.")] = 0.01,
    largest: Annotated[float, typer.Option(help="Largest share of the photo, 0 to 1.")] = 0.4,
    holes: Annotated[float, typer.Option(help=HOLES)] = 0.02,
    cut: Annotated[bool, typer.Option("--cut", help="Take things that the border cuts, too.")] = False,
    iou: Annotated[float, typer.Option(help=IOU)] = 0.0,
    several: Annotated[float, typer.Option(help=SEVERAL)] = 0.0,
    objects: Annotated[int, typer.Option(help="Most objects of a candidate with several.")] = 3,
    leave_out: Annotated[list[str] | None, typer.Option(help=LEAVE_OUT)] = None,
    keep: Annotated[list[str] | None, typer.Option(help=KEEP)] = None,
    digits: Annotated[str, typer.Option(help=DIGIT)] = DIGITS,
    originals: Annotated[bool, typer.Option("--originals", help=ORIGINALS)] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another selection.")] = 0,
    folder: Annotated[list[Path] | None, typer.Option(help=MORE)] = None,
    fetch: Annotated[bool, typer.Option("--fetch", help=FETCH)] = False,
    bucket: Annotated[str, typer.Option(help="Address of tables and masks, for --fetch.")] = layout.BUCKET,
    photos: Annotated[str, typer.Option(help="Address of photos, for --fetch.")] = layout.PHOTOS,
) -> None:
    """Chooses objects of OpenImages photos that might be removed, balanced over the categories.

    The same command takes up a set that was stopped; a list is begun anew.
    """
    with in_sentences():
        if (out is None) == (list_ is None):
            raise BadOptions("Say where the candidates go.", "Name a folder with --out, or a file with --list.")
        settings = Settings(
            subset=subset,
            count=count,
            cap=cap,
            balance=balance,
            smallest=smallest,
            largest=largest,
            holes=holes,
            cut=cut,
            iou=iou,
            several=several,
            objects=objects,
            leave_out=Settings.leave_out if leave_out is None else [one for one in leave_out if one],
            keep=keep or (),
            digits=digits,
            originals=originals,
            table_only=table_only,
            seed=seed,
        )
        web = Bucket(bucket, photos) if fetch else None
    if web:
        with told("Fetching") as on_step:
            web.fetch_tables(root, settings, lambda name: _fetching(name, on_step))
    with told("Choosing candidates") as on_step:
        progress = Progress(lambda done, total: on_step(done // MEGA, total // MEGA), on_step)
        if out is not None:
            summary = make_set(root, out, settings, folder or (), web, progress)
        else:
            summary = make_list(root, list_ or Path(), settings, folder or (), progress)
    _tell(summary, out or list_ or Path())
    raise typer.Exit(1 if summary.bad.total or not summary.made + summary.there else 0)


@contextmanager
def _fetching(name: str, on_step: OnStep) -> Iterator[OnStep]:
    """The bar counts megabytes of one file after the other."""
    complain(f"Fetching {name}.")
    yield lambda done, total: on_step(done // MEGA, total // MEGA)


def _tell(summary: Summary, where: Path) -> None:
    for title, tally in (("Left out", summary.left), ("Something is wrong with", summary.bad)):
        if tally.total:
            complain(f"{title}:")
            tell(tally)
    there = f", {summary.there:,} there already" if summary.there else ""
    used = sum(one.taken > 0 for one in summary.categories)
    if summary.made + summary.there:
        say(f"{summary.made:,} candidates made{there}, in {used} categories. They are in {where}.")
    else:
        complain("No candidate is left. Loosen the limits, or give more photos and masks.")


if __name__ == "__main__":
    app()
