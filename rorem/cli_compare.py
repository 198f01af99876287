"""`rorem compare`: several methods on one photo, side by side; and the same once more, from what was kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rorem.errors import BadOptions
from rorem.terminal import STOPPED, complain, in_sentences, say

if TYPE_CHECKING:
    from rorem.comparison import Cell
    from rorem.comparison.given import Given
    from rorem.comparison.replay import Verdict

READY = "all-ready"
STEPS = 1000  # of the progress bar, for each method
METHODS = (
    f"Names that `rorem methods` lists, with commas between; {READY}, which is the default, takes all that can run."
)
PROTOCOL = "same: our way, the same for all. published: each as its own paper runs it."
OUTPUT = "A folder, or a file that ends in .zip. Without it, NAME-compared beside the photo."
FROM = "A result.json, its folder or its ZIP: runs that again and tells whether it comes out the same."
BLIND = "Hide the names behind letters, in an order that this seed decides."
JUDGE = "Ask the judge for scores. Without either, it is asked where it answers quickly."
# As in rorem.batch and rorem.mask_file, which are too heavy to be imported for a page of help.
LARGEST_SEED = 2**32 - 1
LARGEST_GROWTH = 1000
Polarity = Literal["auto", "white", "black"]

FACT_COLUMN, METHOD_COLUMN = 24, 16  # signs of a column in the table, about


def compare(
    photo: Annotated[Path | None, typer.Argument(help="A photo.")] = None,
    mask: Annotated[Path | None, typer.Argument(help="A mask, white where something is to go.")] = None,
    methods: Annotated[str | None, typer.Option(help=METHODS)] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=OUTPUT)] = None,
    kept: Annotated[Path | None, typer.Option("--from", help=FROM)] = None,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same for all methods.")] = 0,
    protocol: Annotated[Literal["same", "published"], typer.Option(help=PROTOCOL)] = "same",
    truth: Annotated[Path | None, typer.Option(help="The photo as it is without the thing, for metrics.")] = None,
    avoid: Annotated[Path | None, typer.Option(help="A mask, white where nothing may be copied from.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="METHOD.NAME=VALUE", help="Of one.")] = None,
    grow: Annotated[
        int | None, typer.Option(min=0, max=LARGEST_GROWTH, metavar="PX", help="Pixels to fill beyond the mark.")
    ] = None,
    polarity: Annotated[Polarity, typer.Option(help="Which colour of the mask is to go.")] = "auto",
    judged: Annotated[bool | None, typer.Option("--judge/--no-judge", help=JUDGE)] = None,
    blind: Annotated[int | None, typer.Option(metavar="SEED", help=BLIND)] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each method.")] = False,
) -> None:
    """Runs several methods on one photo and one mask, with one seed, and keeps all that is needed to repeat it."""
    with in_sentences():
        from rorem.comparison import Request, bundle, machine
        from rorem.comparison.given import from_files, from_kept
        from rorem.remover import AS_PUBLISHED, SAME_PIPELINE

        if kept is not None:
            if photo or mask or methods or truth or avoid or settings or blind is not None:
                raise BadOptions("--from brings all that was asked for then.", "Leave out all but -o.")
            given = from_kept(kept)
            machine.same_threads(given.recorded.made if given.recorded else {})
        elif photo is None or mask is None:
            raise BadOptions("This needs a photo and a mask.", "`rorem compare --help` shows how.")
        else:
            chosen = _methods(methods or READY)
            road = AS_PUBLISHED if protocol == "published" else SAME_PIPELINE
            request = Request(chosen, seed, road, _settings(settings or [], chosen), grow, blind)
            given = from_files(photo, mask, request, truth=truth, avoid=avoid, polarity=polarity)
            output = output or photo.with_name(f"{photo.stem}-compared")
        if output is not None:
            _guarded(output, [path for path in (photo, mask, truth, avoid, kept) if path])
            bundle.refuse(output, overwrite)
        code = _run(given, judged, output, overwrite, as_json)
    raise typer.Exit(code)


def _methods(text: str) -> tuple[str, ...]:
    from rorem.methods import catalog

    if text.strip() == READY:
        return tuple(entry.id for entry in catalog.ENTRIES if entry.state().kind == "ready")
    return tuple(catalog.find(name.strip()).id for name in text.split(",") if name.strip())


def _settings(texts: Sequence[str], methods: Sequence[str]) -> dict[str, dict[str, object]]:
    """--set method.name=value by method; the method's own model turns the text into numbers."""
    from rorem.methods import catalog

    found: dict[str, dict[str, object]] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        method, dot, option = name.strip().partition(".")
        if not (method and dot and option and equals):
            raise BadOptions(f"--set takes METHOD.NAME=VALUE, not {text!r}.", "`rorem methods METHOD` lists them.")
        if method not in methods:
            raise BadOptions(f"--set {text} is for a method that is not compared.", "Add it to --methods.")
        found.setdefault(method, {})[option] = value.strip()
    # A wrong setting is told before anything runs.
    return {
        method: catalog.find(method).parse(dict(options)).model_dump(include=set(options))
        for method, options in found.items()
    }


def _guarded(output: Path, inputs: Sequence[Path]) -> None:
    """Raises BadOptions where a result might be written over what it is made of."""
    folder = output.resolve()
    for path in inputs:
        if folder in (path.resolve(), path.resolve().parent):
            raise BadOptions(f"{output} holds {path.name}, which is needed.", "Name another place with -o.")


def _run(given: Given, judged: bool | None, output: Path | None, overwrite: bool, as_json: bool) -> int:
    """Runs the methods, tells of them and keeps them. Returns the exit code."""
    from rorem.batch.work import unwritten
    from rorem.comparison import bundle
    from rorem.comparison.blind import letters_of

    methods = given.request.methods
    names = letters_of(given.request) if given.blind else {method: method for method in methods}
    cells: list[Cell] = []
    verdicts: list[Verdict] = []
    stopped = False
    try:
        with _progress(names, len(methods), given.blind, as_json) as (on_start, on_step):
            for cell in _cells(given, judged, on_start, on_step):
                told = _verdict(given, cell)
                cells.append(cell)
                verdicts += [told] if told else []
                if as_json:
                    _line(given, cell, names[cell.method], told)
    except KeyboardInterrupt:
        stopped = True
    if not as_json and cells:
        _tell(given, names, cells)
    _tell_failures(given, names, cells, verdicts, as_json)
    where = ""
    if output is not None and cells:
        try:
            bundle.write(output, given.finished(cells), overwrite=overwrite)
        except OSError as error:
            complain(unwritten(error).advice)
            return 1
        where = f"Saved in {output}."
    if stopped:
        complain(f"Stopped. {len(cells)} of {len(methods)} methods are done. {where}".strip())
        return STOPPED
    if where:
        say(where, err=as_json)
    failed = any(cell.error for cell in cells) if given.recorded is None else not all(one.same for one in verdicts)
    return 1 if failed else 0


def _cells(
    given: Given, judged: bool | None, on_start: Callable[[str], None], on_step: Callable[[str, int, int], None]
) -> Iterator[Cell]:
    from rorem import comparison
    from rorem.comparison.seeing import read_truth

    return comparison.compare(
        given.picture,
        given.mask,
        given.request,
        truth=None if given.truth is None else read_truth(given.truth, given.picture),
        avoid=given.avoid,
        judged=judged,
        on_start=on_start,
        on_step=on_step,
    )


def _verdict(given: Given, cell: Cell) -> Verdict | None:
    from rorem.comparison.replay import verdict

    return None if given.recorded is None else verdict(given.recorded, cell)


def _line(given: Given, cell: Cell, name: str, verdict: Verdict | None) -> None:
    from rorem.comparison.result import record_of

    label = name if given.blind else ""
    record = record_of(cell, given.request, label).model_dump(mode="json", exclude={"file", "sha256", "size"})
    same = {"same": verdict.same, "verdict": verdict.sentence} if verdict else {}
    say(json.dumps(record | same))


def _tell(given: Given, names: Mapping[str, str], cells: Sequence[Cell]) -> None:
    """A table, and below it what does not fit into one. Notes of a method would tell its hidden name."""
    from rich.console import Console
    from rich.table import Table

    from rorem.comparison.blind import in_order
    from rorem.comparison.table import table

    cells = in_order(cells, given.request)
    (first, *facts), rows = table(cells, names, blind=given.blind)
    say(f"{given.name}, {given.request.protocol}, seed {given.request.seed}")
    console = Console(markup=False, highlight=False)
    fitting = max(1, (console.width - FACT_COLUMN) // METHOD_COLUMN)
    for start in range(0, len(rows), fitting):  # a column for each method; nothing is ever cut off
        chosen = rows[start : start + fitting]
        shown = Table(first)
        for name, *_ in chosen:
            shown.add_column(name, justify="right", overflow="fold")
        for fact, *values in zip(facts, *(row[1:] for row in chosen), strict=True):
            shown.add_row(fact, *values)
        console.print(shown)
    told = [] if given.blind else [f"{names[cell.method]}: {note}" for cell in cells for note in cell.notes]
    left_out = {id: why for cell in cells for id, why in cell.left_out.items()}
    for line in (*given.notes, *told, *(f"{id} was left out. {why}" for id, why in left_out.items())):
        say(line)


def _tell_failures(
    given: Given, names: Mapping[str, str], cells: Sequence[Cell], verdicts: Sequence[Verdict], as_json: bool
) -> None:
    """Of a new comparison what failed; of one that was run again, what came out, and what is not as it was then.

    Hidden names are told by their causes, and by the order of running: both are left out.
    """
    from rorem.comparison import machine
    from rorem.comparison.blind import HIDDEN_FAILURE, in_order

    if given.recorded is None:
        for cell in in_order(cells, given.request) if given.blind else cells:
            if cell.error is not None:
                complain(f"{names[cell.method]}: {HIDDEN_FAILURE if given.blind else cell.error.advice}")
        return
    for verdict in sorted(verdicts, key=lambda one: list(names).index(one.method)) if given.blind else verdicts:
        say(f"{names[verdict.method]}: {verdict.hidden if given.blind else verdict.sentence}", err=as_json)
    if others := machine.differences(given.recorded.made, machine.facts()):
        say(f"Not as it was then: {'; '.join(others)}", err=as_json)


@contextmanager
def _progress(
    names: Mapping[str, str], count: int, blind: bool, as_json: bool
) -> Iterator[tuple[Callable[[str], None], Callable[[str, int, int], None]]]:
    """A bar over all methods on a terminal. Gives what takes the start and the steps of a method.

    With hidden names it only says how many are done: quick methods run first, and each has its own way to advance.
    """
    import sys

    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console, on_screen = Console(stderr=True), sys.stdout.isatty()
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        redirect_stdout=on_screen,  # a file or a pipe gets its lines undisturbed
        disable=not console.is_terminal or (as_json and on_screen),
    )
    started: list[str] = []
    with bar:
        row = bar.add_task("", total=count * STEPS)

        def on_start(method: str) -> None:
            started.append(method)
            told = f"{len(started)} of {count}" if blind else names[method]
            bar.update(row, description=told, completed=(len(started) - 1) * STEPS)

        def on_step(method: str, done: int, total: int) -> None:
            if not blind:
                bar.update(row, completed=(len(started) - 1) * STEPS + STEPS * done // max(1, total))

        yield on_start, on_step
