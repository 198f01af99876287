"""`rorem labels make`: removals for people to judge, of any set of photos with masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.cli_labels.filling import BUILT_IN, built_in
from rorem.cli_labels.opening import progress
from rorem.errors import BadData, BadOptions, RoremError
from rorem.terminal import STOPPED, complain, in_sentences, say

if TYPE_CHECKING:
    from rorem.evaluation.makers import Maker
    from rorem.triplet import Triplet, TripletSet

SET = "Photos with masks: a folder of triplets, Parquet shards or a Hub data set; `built-in` for our twelve pairs."
OUT = "A new folder for the removals, which `rorem labels add` takes."
METHODS = "With commas: ids of `rorem methods`."
SEEDS = "With commas. Methods without a seed make one removal a photo."


def make(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    out: Annotated[Path, typer.Argument(metavar="OUT", help=OUT)],
    methods: Annotated[str, typer.Option("--methods", "-m", help=METHODS)] = "patchmatch,telea",
    seeds: Annotated[str, typer.Option(help=SEEDS)] = "0",
) -> None:
    """Removes what the masks of a set mark, with several methods, and writes a folder of triplets.

    The folder is there whole or not at all.
    """
    with in_sentences():
        from rorem.evaluation.makers import ByMethod
        from rorem.triplet import open_set, write_folder
        from rorem.triplet.folder_writing import check_free

        wanted = [ByMethod(id.strip(), {}) for id in dict.fromkeys(methods.split(",")) if id.strip()]
        if not wanted:
            raise BadOptions("There is no method.", "Such as -m patchmatch,telea.")
        numbers = _numbers(seeds)
        check_free(out, ("meta.json", "source", "mask", "GT"))
        told = open_set(str(built_in()) if name == BUILT_IN else name)
        failures: list[str] = []
        count = 0
        try:
            with progress("Removing") as on_item:

                def counted() -> Iterator[Triplet]:
                    nonlocal count
                    for triplet in _removals(told, wanted, numbers, failures.append, on_item):
                        count += 1
                        yield triplet

                write_folder(counted(), out)
        except KeyboardInterrupt:
            complain("Stopped. Nothing was written.")
            raise typer.Exit(STOPPED) from None
        except BadData as error:
            if count:
                raise
            for failure in failures:
                complain(failure)
            raise BadData("No removal could be made.", "See above.") from error
    for failure in failures:
        complain(failure)
    say(f"{count} removals are in {out}. `rorem labels add {out}` puts them into the queue.")
    raise typer.Exit(1 if failures else 0)


def _removals(
    told: TripletSet,
    makers: Sequence[Maker],
    seeds: Sequence[int],
    on_failure: Callable[[str], None],
    on_item: Callable[[int, int], None],
) -> Iterator[Triplet]:
    """Method by method, so that a loaded one stays loaded."""
    from rorem.evaluation.removals import removal

    done, total = 0, len(told) * sum(len(_seeds(maker, seeds)) for maker in makers)
    for maker in makers:
        for name, triplet in zip(told.names, told, strict=True):
            for seed in _seeds(maker, seeds):
                try:
                    if isinstance(triplet, BadData):
                        raise triplet
                    yield removal(maker, triplet, seed, f"{triplet.name}-{maker.id}-{seed}")
                except RoremError as error:
                    on_failure(f"{maker.id} failed on {name}: {error.advice}")
                done += 1
                on_item(done, total)
        maker.release()


def _seeds(maker: Maker, seeds: Sequence[int]) -> Sequence[int]:
    return seeds if maker.seeded else seeds[:1]


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
        raise BadOptions(f"--seeds takes whole numbers, not {text!r}.", "Such as --seeds 0,1,2.")
    return list(dict.fromkeys(map(int, parts)))
