"""The command: `python -m data_tools.generate.cost --count 100000`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from data_tools.generate.costing import (
    GIVEN,
    HUB,
    STORAGE,
    Cost,
    Figure,
    Site,
    Sizes,
    around,
    cost,
    from_shards,
    limits,
    measured_in,
    reference,
    workers_a_gpu,
)
from rorem.terminal import in_sentences, say

OUT = "The folder of a run of one's own, a small one say, which tells what a removal takes. Else reference figures."
SPEED = "What a GPU sustains, TFLOP/s; without it, what is assumed."
SHARDS = "The candidates lie in Parquet shards, not in a folder."
SIDE = "Pixels that the network works at: 512 or 1024."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    out: Annotated[Path | None, typer.Argument(metavar="[OUT]", help=OUT)] = None,
    count: Annotated[list[int] | None, typer.Option(min=1, help="Candidates; say it again for a column more.")] = None,
    method: Annotated[str, typer.Option("--method", "-m", help="rorem-4s or rorem.")] = "rorem-4s",
    side: Annotated[int, typer.Option(help=SIDE)] = 1024,
    seconds: Annotated[
        float | None, typer.Option(min=0.0001, help="Of the network for a removal, if you know it.")
    ] = None,
    speed: Annotated[float | None, typer.Option(min=0.001, help=SPEED)] = None,
    gpus: Annotated[int, typer.Option(min=1, help="How many work.")] = 8,
    workers: Annotated[int | None, typer.Option(min=1, help="That share them; without it, one each.")] = None,
    shards: Annotated[bool, typer.Option("--shards", help=SHARDS)] = False,
    storage: Annotated[float | None, typer.Option(min=0.001, help="MB/s of storage for all machines.")] = None,
    hub: Annotated[float | None, typer.Option(min=0.001, help="MB/s to and from the Hub.")] = None,
) -> None:
    """What removals of many candidates cost, and which part is full first."""
    with in_sentences():
        if out is not None:
            sizes = measured_in(out)
            sizes = sizes if seconds is None else replace(sizes, network=Figure(seconds, GIVEN))
        elif seconds is not None:
            sizes = around(Figure(seconds, GIVEN), side)
        else:
            sizes = reference(method, side, speed and speed * 1e12)
        sizes = from_shards(sizes) if shards else sizes
        site = Site(workers or gpus, gpus, _rate(storage, STORAGE), _rate(hub, HUB))
        costs = [cost(one, sizes, site) for one in count or (100_000, 10_000_000)]
    for line in page(sizes, site, costs):
        say(line)


def page(sizes: Sizes, site: Site, costs: Sequence[Cost]) -> Iterator[str]:
    """The sheet as Markdown, line by line."""
    rows = {
        "GPU hours of computing": [_number(one.gpu_hours) for one in costs],
        f"GPU hours with {site.gpus} GPUs and {site.workers} workers": [_number(one.held_hours) for one in costs],
        "wall time": [_time(one.hours) for one in costs],
        "of it a GPU waits": [f"{one.idle:.0%}" for one in costs],
        "candidates": [_bytes(one.candidates) for one in costs],
        "removals": [_bytes(one.removals) for one in costs],
        "read from storage": [_bytes(one.read) for one in costs],
        "files": [f"{one.files:,}" for one in costs],
        "fetching the candidates from the Hub": [_time(one.fetching) for one in costs],
        "pushing the removals to the Hub": [_time(one.pushing) for one in costs],
    }
    yield from _table(["", *(f"{one.count:,} candidates" for one in costs)])
    yield from (f"| {' | '.join([name, *values])} |" for name, values in rows.items())
    yield ""
    yield from _table(["what is full", "with so many busy GPUs"])
    yield from (f"| {name} | {_number(gpus)} |" for name, gpus in limits(sizes, site))
    yield ""
    yield f"{workers_a_gpu(sizes):.1f} workers keep a GPU busy."
    yield ""
    yield from _table(["made of", "", "how", ""])
    figures = {
        "network, seconds a removal": (sizes.network, 1),
        "beside it, seconds a removal": (sizes.beside, 1),
        "candidate, MB": (sizes.candidate, 1e6),
        "read for it, MB": (sizes.read, 1e6),
        "removal, MB": (sizes.removal, 1e6),
        "storage, MB/s": (site.storage, 1e6),
        "Hub, MB/s": (site.hub, 1e6),
    }
    for name, (one, unit) in figures.items():
        yield f"| {name} | {_number(one.value / unit)} | {one.how} | {one.source} |"


def _table(heads: Sequence[str]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"


def _rate(mega: float | None, assumed: Figure) -> Figure:
    return assumed if mega is None else replace(assumed, value=mega * 1e6, how=GIVEN)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _time(hours: float) -> str:
    return f"{hours:.2g} hours" if hours < 48 else f"{hours / 24:,.0f} days"


def _bytes(count: float) -> str:
    return f"{count / 1e12:,.1f} TB" if count >= 1e12 else f"{_number(count / 1e9)} GB"


if __name__ == "__main__":
    app()
