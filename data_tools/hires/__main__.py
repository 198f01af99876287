"""The command: `python -m data_tools.hires DIR --cutouts DIR --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.hires.building import COUNT, hires
from data_tools.hires.settings import Settings
from rorem.terminal import say

PHOTOS = "Folders of photos, such as DIV2K_train_HR and Flickr2K_HR, or those above them."
CUTOUTS = "A folder of photographed things with a transparent background; say --cutouts again for another."
MATCHED = "Fit things to their place, or leave them as they were photographed."
SHADOW = "Things cast a soft shadow, whose area is written as the effect mask, or none."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    photos: Annotated[list[Path], typer.Argument(help=PHOTOS)],
    cutouts: Annotated[list[Path], typer.Option(help=CUTOUTS)],
    out: Annotated[Path, typer.Option(help="The folder for the set.")],
    count: Annotated[int, typer.Option(min=1, help="Most pairs.")] = COUNT,
    least: Annotated[int, typer.Option(help="Least pixels a side; smaller photos are left out.")] = 1024,
    largest: Annotated[int, typer.Option(help="Most pixels a side.")] = 2048,
    per_photo: Annotated[int, typer.Option(min=1, help="Most pairs of one photo.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives another set.")] = 0,
    several: Annotated[float, typer.Option(min=0, max=1, help="Share of pairs with several things to remove.")] = 0.25,
    occluded: Annotated[float, typer.Option(min=0, max=1, help="Share with something in front of the thing.")] = 0.2,
    matched: Annotated[bool, typer.Option("--matched/--as-it-is", help=MATCHED)] = True,
    shadow: Annotated[bool, typer.Option("--shadow/--no-shadow", help=SHADOW)] = True,
) -> None:
    """Makes pairs in high resolution with exact truth out of DIV2K and Flickr2K.

    The same command takes up a run that was stopped.
    """
    with told("Making pairs") as on_step:
        settings = Settings(least, largest, per_photo, seed, several, occluded, matched, shadow)
        summary = hires(photos, cutouts, out, count, settings, on_step)
    tell(summary.left_out)
    there = summary.pairs - summary.made
    before = f", {there:,} there already" if there else ""
    say(f"{summary.made:,} pairs made{before}. They are in {out}.")
    say(f"There were {summary.photos:,} photos and {summary.cutouts:,} cut-outs.")
    raise typer.Exit(0 if summary.pairs else 1)


if __name__ == "__main__":
    app()
