"""The command: `python -m data_tools.synthesize --out DIR --fetch`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import told
from data_tools.synthesize import fetching
from data_tools.synthesize.building import Settings, Summary, synthesize
from rorem.errors import BadOptions, RoremError
from rorem.terminal import complain, say

PHOTOS = "Folders of clean photos; say --photos again for another."
CUTOUTS = "A folder of photographed things with a transparent background."
MATCHED = "Fit things to their place: scale, light, blur and grain."
SHADOW = "Things cast a soft shadow where they stand, whose area is written as the effect mask."
FETCH = f"Fetch free photos and cut-outs from Debian's packages ({fetching.ABOUT})."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="The folder for the set.")],
    photos: Annotated[list[Path] | None, typer.Option(help=PHOTOS)] = None,
    cutouts: Annotated[list[Path] | None, typer.Option(help=CUTOUTS)] = None,
    count: Annotated[int, typer.Option(min=1, help="How many pairs.")] = 60,
    sizes: Annotated[str, typer.Option(help="Pixels a side, with commas between them.")] = "512,1024,2048",
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another set.")] = 0,
    several: Annotated[float, typer.Option(min=0, max=1, help="Share of pairs with several things to remove.")] = 0.25,
    occluded: Annotated[float, typer.Option(min=0, max=1, help="Share with something in front of the thing.")] = 0.2,
    matched: Annotated[bool, typer.Option("--matched", help=MATCHED)] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help=SHADOW)] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help=FETCH)] = False,
    cache: Annotated[Path | None, typer.Option(help="Where fetched packages are kept.")] = None,
) -> None:
    """Builds pairs with exact truth from clean photos and cut-outs.

    The same command takes up a run that was stopped.
    """
    with told("Looking at files, then making pairs") as on_step:
        settings = Settings(_sizes(sizes), seed, several, occluded, matched, shadow)
        grounds, things = list(photos or []), list(cutouts or [])
        if fetch:
            _fetch(grounds, things, cache or fetching.cache_folder())
        if not grounds or not things:
            raise BadOptions(
                "This needs photos and cut-outs.", "Name folders with --photos and --cutouts, or add --fetch."
            )
        summary = synthesize(
            out, grounds, things, count, settings, _tell_bad, on_look=on_step, on_sample=on_step, chosen=not fetch
        )
    _tell(summary, out)
    raise typer.Exit(1 if summary.failed else 0)


def _sizes(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d{1,5}(,\d{1,5})*", text):
        raise BadOptions(f"--sizes takes numbers with commas between them, not {text!r}.", "Write 512,1024")
    return tuple(map(int, text.split(",")))


def _fetch(grounds: list[Path], things: list[Path], cache: Path) -> None:
    """Adds the folders of the packages; where a person named folders, those of the other kind only."""
    if not grounds:
        grounds += [_fetched(package, cache) for package in fetching.PHOTO_PACKAGES]
    if not things:
        things.append(_fetched(fetching.CUTOUT_PACKAGE, cache))


def _fetched(package: str, cache: Path) -> Path:
    if not (cache / package).is_dir():
        complain(f"Fetching {package}.")
    return fetching.fetch(package, cache)


def _tell_bad(name: str, error: RoremError) -> None:
    complain(f"{name} is left out: {error}")


def _tell(summary: Summary, out: Path) -> None:
    for name, error in summary.failed:
        complain(f"{name}: {error.advice}")
    every: Sequence[tuple[int, str]] = (
        (len(summary.made), "made"),
        (len(summary.there), "there already"),
        (len(summary.failed), "failed"),
    )
    counts = ", ".join(f"{number} {word}" for number, word in every if number or word == "made")
    say(f"{counts}. They are in {out}, made of {summary.photos} photos and {summary.cutouts} cut-outs.")
    if summary.bad:
        say(f"Files that could not be used: {len(summary.bad)}.")


if __name__ == "__main__":
    app()
