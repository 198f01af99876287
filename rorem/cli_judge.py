"""`rorem judge`: how good a removal is, asked of RORem's discriminator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.errors import BadPicture
from rorem.terminal import in_sentences, say

if TYPE_CHECKING:
    from rorem.judge import Score

NOISE_SEED = "Judge with the faint noise of the published code, drawn from this seed. Without it there is none."

app = typer.Typer(no_args_is_help=True, help="Tells how good a removal is. Its networks are large: see docs/judge.md.")


@app.command()
def score(
    source: Annotated[Path, typer.Argument(help="The photo as it was.")],
    mask: Annotated[Path, typer.Argument(help="The mask, white where something was to go.")],
    result: Annotated[Path, typer.Argument(help="The photo without it, of the same size.")],
    noise_seed: Annotated[int | None, typer.Option(min=0, help=NOISE_SEED)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON.")] = False,
) -> None:
    """Scores one removal. All three are squashed to 512 x 512, as in the published code."""
    with in_sentences():
        from rorem import judge
        from rorem.mask_file import read_mask
        from rorem.picture import open_picture, to_rgb

        before, after = open_picture(source), open_picture(result)
        if before.size != after.size:
            (width, height), (wide, high) = before.size, after.size
            raise BadPicture(
                f"{result} is {wide} x {high} pixels and {source} is {width} x {height}.",
                "Give a result of this photo.",
            )
        reading = read_mask(mask, before.width, before.height)
        loaded = judge.load()
        told = loaded.score(to_rgb(before), reading.mask, to_rgb(after), noise_seed)
        notes = (*reading.notes, *loaded.notes)
        if as_json:
            files = {"source": str(source), "mask": str(mask), "result": str(result), "noise_seed": noise_seed}
            say(json.dumps({**files, **_record(told), "notes": notes}))
        else:
            _tell(told, notes)


def _record(told: Score) -> dict[str, object]:
    return {
        "raw": told.raw,
        "probability": told.probability,
        "calibration": told.calibration,
        "rule": told.rule(),
        "accepted": told.accepts(),
    }


def _tell(told: Score, notes: tuple[str, ...]) -> None:
    calibrated = "not calibrated" if told.probability is None else f"{told.probability:.1%} ({told.calibration})"
    say(f"Score: {told.raw:.4f} (about 1 is good, about 0 is bad; it can exceed 1)")
    say(f"Probability that a person would accept it: {calibrated}")
    say(f"{'Good enough' if told.accepts() else 'Not good enough'} by the rule {told.rule()}.")
    for note in notes:
        say(note)
