"""The commands `push` (a set to the Hub) and `convert` (as shards or as a folder) of `python -m data_tools.publish`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from data_tools.commands import tell, told
from data_tools.publish.changing import convert
from data_tools.publish.converting import SHARDS
from data_tools.publish.counts import Counts
from data_tools.publish.patience import Patience
from data_tools.publish.pushing import Wanted, publish
from rorem.labels.hub_trouble import HubTrouble
from rorem.terminal import complain, say, size
from rorem.triplet.shards_writing import SHARD

SET = "A folder, a list such as meta.json, Parquet shards, or owner/name on the Hub."
PUBLIC = "Everybody may see it. Without this the data set is made private, and a public one is refused."
LICENCE = "Of the data set, as the Hub calls it, such as cc-by-4.0. Photos keep their own."
SHARD_MB = "Millions of bytes of pictures in a shard."
WORK = "Where a shard lies until it is on the Hub."
PIECES = "As for push, or the pieces of an archive in their order (.tar.gz, .tar, .zip)."
TO = "shards, or folder for source/ mask/ GT/ meta.json."
MILLION = 10**6

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@app.command("push")
def push_command(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="The data set on the Hub.")],
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    public: Annotated[bool, typer.Option("--public", help=PUBLIC)] = False,
    licence: Annotated[str, typer.Option(help=LICENCE)] = "",
    shard_mb: Annotated[int, typer.Option(min=1, help=SHARD_MB)] = SHARD // MILLION,
    work: Annotated[Path | None, typer.Option(metavar="DIR", help=WORK)] = None,
) -> None:
    """Brings a set to the Hub, as shards with a card. The token comes from HF_TOKEN.

    Until the last commit nobody sees anything of it. The same command goes on where it was stopped.
    """
    with told("Publishing") as on_step:
        wanted = Wanted(split, public, licence, shard_mb * MILLION)
        done = publish(name, repository, wanted, work, on_step=on_step, patience=Patience(_waits))
    tell(done.left_out)
    for line in lines(done.counts):
        say(line)
    files = "1 shard" if done.shards == 1 else f"{done.shards:,} shards"
    what = f"{done.uploaded:,} uploaded now" if done.changed else "all of it was there already"
    say(f"{done.counts.records:,} records in {files} in {done.repository}: {what}.")
    raise typer.Exit(1 if done.left_out.total else 0)


@app.command("convert")
def convert_command(
    names: Annotated[list[str], typer.Argument(metavar="SET...", help=PIECES)],
    out: Annotated[Path, typer.Option(metavar="DIR", help="A new folder.")],
    to: Annotated[str, typer.Option(help=TO)] = SHARDS,
    shard_mb: Annotated[int, typer.Option(min=1, help=SHARD_MB)] = SHARD // MILLION,
) -> None:
    """Writes a set as shards or as a folder, byte for byte. The same command goes on where it was stopped."""
    with told("Converting") as on_step:
        done = convert(names, out, to, shard_mb * MILLION, on_step=on_step)
    tell(done.left_out)
    for note in done.notes:
        complain(note)
    for line in lines(done.counts):
        say(line)
    say(f"{done.written:,} records are in {out}.")
    raise typer.Exit(1 if done.left_out.total else 0)


def lines(counts: Counts) -> list[str]:
    """What was counted, the most frequent values first."""
    if not counts.records:
        return []
    found = [f"{size(counts.pictures)} of pictures"]
    for key, title in (
        ("method", "methods"),
        ("category", "categories"),
        ("round", "rounds"),
        ("accepted_by", "accepted by"),
    ):
        some = sorted(counts.by[key].items(), key=lambda one: (-one[1], one[0]))
        told = ", ".join(f"{value or 'not said'} {count:,}" for value, count in some[:8])
        found.append(f"{title}: {told}" + (f" and {len(some) - 8:,} others" if len(some) > 8 else ""))
    return found


def _waits(trouble: HubTrouble, seconds: float) -> None:
    complain(f"{trouble} Trying again in {seconds:.0f} s.")


if __name__ == "__main__":
    app()
