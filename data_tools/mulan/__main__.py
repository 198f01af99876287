"""The command: `python -m data_tools.mulan LAYERS --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.mulan.building import LICENCE, UNREADABLE, Summary, mulan
from data_tools.mulan.choosing import WAYS, Choice
from rorem.terminal import complain, say

FOLDER = "A folder of layers: ID-layer_0.png (the ground), ID-layer_1.png ..., as MuLAn's own script writes."
CATEGORY = "Only layers of this category, or with this word in their captions; say it again for another."
THRESHOLD = "Coverage, 0 to 1, from which a pixel belongs to the thing."
SMALLEST = "Parts that stand alone and have a smaller share of the picture are specks and go."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(metavar="LAYERS", help=FOLDER)],
    out: Annotated[Path, typer.Option(help="The folder for the set.")],
    choose: Annotated[str, typer.Option(help=f"Which layer is removed: {', '.join(WAYS)}.")] = Choice.way,
    category: Annotated[list[str] | None, typer.Option(help=CATEGORY)] = None,
    seed: Annotated[int, typer.Option(help="With --choose random, another seed chooses others.")] = Choice.seed,
    threshold: Annotated[float, typer.Option(help=THRESHOLD)] = Choice.threshold,
    smallest: Annotated[float, typer.Option(help=SMALLEST)] = Choice.smallest,
    least: Annotated[float, typer.Option(help="The least share of the picture that a mask has.")] = Choice.least,
    most: Annotated[float, typer.Option(help="The most.")] = Choice.most,
    margin: Annotated[int, typer.Option(help="Pixels that the mask reaches beyond the thing.")] = Choice.margin,
    licence: Annotated[str, typer.Option(help="What is noted with each pair.")] = LICENCE,
) -> None:
    """Makes pairs of layer decompositions: the photo with a layer, and the same without it.

    The same command takes up a run that was stopped. Exit code 1: some layers could not be read.
    """
    with told("Laying layers") as on_step:
        choice = Choice(choose, tuple(category or ()), seed, threshold, smallest, least, most, margin)
        summary = mulan(folder, out, choice, licence, on_step)
    _sum_up(summary, out)
    raise typer.Exit(1 if summary.left_out.counts[UNREADABLE] else 0)


def _sum_up(summary: Summary, out: Path) -> None:
    there = f", {summary.there:,} were there already" if summary.there else ""
    say(f"{len(summary.made):,} pairs made{there}. They are in {out}.")
    if summary.left_out.total:
        complain("Left out:")
        tell(summary.left_out)


if __name__ == "__main__":
    app()
