"""The command: `python -m data_tools.rord DIR --out DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.rord.building import rord
from data_tools.rord.settings import Settings
from rorem.terminal import say

FOLDER = "The folder of the data set, or of one of its parts."
PER_SCENE = "Most pairs of a scene."
DIFFERENCE = "How unlike pairs of a scene are at least, 0 to 1."
SHARPNESS = "Least sharpness, as a share of the scene's median."
TRUTH = "clean: the scene's own frame without the thing. composed: what the set put together (folder gt)."
MASKS = "tight: by outlines, where there are any. loose: as drawn."
DRIFT = "What to do where the camera moved: correct, drop or keep."
EXPOSURE = "What to do where the exposure changed: correct, drop or keep."
MOST_DRIFT = "Pixels, for --drift drop."
MOST_EXPOSURE = "As a share, for --exposure drop."
CHANGED = "Most that may look different around the thing, as a share."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    folder: Annotated[Path, typer.Argument(help=FOLDER)],
    out: Annotated[Path, typer.Option(help="The folder for the set.")],
    per_scene: Annotated[int, typer.Option(min=1, help=PER_SCENE)] = 5,
    least_difference: Annotated[float, typer.Option(help=DIFFERENCE)] = 0.04,
    least_sharpness: Annotated[float, typer.Option(help=SHARPNESS)] = 0.6,
    truth: Annotated[str, typer.Option(help=TRUTH)] = "clean",
    masks: Annotated[str, typer.Option(help=MASKS)] = "tight",
    drift: Annotated[str, typer.Option(help=DRIFT)] = "correct",
    exposure: Annotated[str, typer.Option(help=EXPOSURE)] = "correct",
    most_drift: Annotated[float, typer.Option(help=MOST_DRIFT)] = 0.5,
    most_exposure: Annotated[float, typer.Option(help=MOST_EXPOSURE)] = 0.03,
    most_changed: Annotated[float, typer.Option(help=CHANGED)] = 0.1,
) -> None:
    """Makes pairs with and without a thing out of the videos of RORD.

    The same command takes up a run that was stopped.
    """
    with told("Looking at scenes") as on_scene:
        settings = Settings(
            per_scene,
            least_difference,
            least_sharpness,
            truth,  # pyright: ignore[reportArgumentType]
            masks,  # pyright: ignore[reportArgumentType]
            drift,  # pyright: ignore[reportArgumentType]
            exposure,  # pyright: ignore[reportArgumentType]
            most_drift,
            most_exposure,
            most_changed,
        )
        summary = rord(folder, out, settings, on_scene)
    tell(summary.left_out)
    there = summary.pairs - summary.made
    before = f", {there:,} there already" if there else ""
    say(f"{summary.made:,} pairs made{before}, {summary.corrected:,} with a corrected truth. They are in {out}.")
    say(f"From {summary.frames:,} frames of {summary.scenes:,} scenes.")
    raise typer.Exit(0 if summary.pairs else 1)


if __name__ == "__main__":
    app()
