"""The command line: `rorem remove`. The other commands are in rooms of their own, rorem.cli_NAME.

Results go to stdout, complaints and the progress bar to stderr. Exit codes: 0 all done, 1 something failed, 2 wrong
input, 130 stopped with Ctrl-C. Heavy imports happen inside the commands, so that `rorem --help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from rorem import __version__, cli_compare, cli_evaluate, cli_judge, cli_labels, cli_methods, cli_weights
from rorem.errors import BadMask, BadOptions, BadPicture
from rorem.terminal import STOPPED, complain, in_sentences, say

if TYPE_CHECKING:
    from rorem.batch import Outcome, Settings, Task
    from rorem.remover import OnStep

WRONG_INPUT = (BadPicture, BadMask, BadOptions)
STEPS = 1000  # of the progress bar, for each photo
LARGEST_GROWTH = 1000  # px; far beyond any use, and small enough to be computed
OUTPUT = "Where the result goes; the suffix chooses the format. Without it, NAME-removed beside the photo or folder."
PUBLISHED = "As the method's own paper runs it: its size, no windows, nothing pasted back."
# As in rorem.batch and rorem.mask_file, which are too heavy to be imported for a page of help.
LARGEST_SEED = 2**32 - 1
Polarity = Literal["auto", "white", "black"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Removes things from photos and leaves every other pixel as it was.",
)
app.command("methods")(cli_methods.methods)
app.command("compare")(cli_compare.compare)
app.command("evaluate")(cli_evaluate.evaluate)
app.add_typer(cli_weights.app, name="weights")
app.add_typer(cli_judge.app, name="judge")
app.add_typer(cli_labels.app, name="labels")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"rorem {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """What holds for all commands."""


@app.command()
def remove(
    photo: Annotated[Path | None, typer.Argument(help="A photo, or a folder of photos.")] = None,
    mask: Annotated[Path | None, typer.Argument(help="A mask, white where something is to go; or a folder.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help=OUTPUT)] = None,
    manifest: Annotated[Path | None, typer.Option(help="Instead of both, a list: .csv, .jsonl or .json.")] = None,
    method: Annotated[str, typer.Option(help="One of those that `rorem methods` lists.")] = "patchmatch",
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Another seed gives another result.")] = 0,
    candidates: Annotated[int, typer.Option(min=1, max=99, help="Results a photo: NAME.1.png, NAME.2.png.")] = 1,
    grow: Annotated[str, typer.Option(metavar="auto|PX", help="Pixels to fill beyond the mark.")] = "auto",
    polarity: Annotated[Polarity, typer.Option(help="Which colour of the mask is to go.")] = "auto",
    avoid: Annotated[Path | None, typer.Option(help="A mask, white where nothing may be copied from.")] = None,
    published: Annotated[bool, typer.Option("--as-published", help=PUBLISHED)] = False,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Of the method.")] = None,
    unmarked: Annotated[bool, typer.Option("--no-mark", help="Do not write into the file that it was edited.")] = False,
    no_gps: Annotated[bool, typer.Option("--no-gps", help="Leave out where the photo was taken.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")] = False,
    anywhere: Annotated[bool, typer.Option("--allow-outside", help="Let a list's paths leave its folder.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one line of JSON for each photo.")] = False,
) -> None:
    """Removes what a mask marks from a photo, or from every photo of a folder or list.

    A result that is there already is skipped, so the same command takes up a run that was stopped.
    """
    with in_sentences():
        from rorem import batch
        from rorem.methods import catalog
        from rorem.remover import AS_PUBLISHED, SAME_PIPELINE

        options, growth = _options(settings or []), _growth(grow)
        how = batch.Settings(
            method,
            seed,
            options,
            candidates,
            growth,
            polarity,
            protocol=AS_PUBLISHED if published else SAME_PIPELINE,
            mark=not unmarked,
            gps=not no_gps,
            overwrite=overwrite,
        )
        if manifest is not None:
            if photo or mask or avoid or output is None:
                raise batch.BadRequest("A list needs -o with a folder for the results, and no other photos or masks.")
            tasks = batch.guarded(batch.from_manifest(manifest, output, anywhere=anywhere), how)
        elif photo is None or mask is None:
            raise batch.BadRequest("This needs a photo and a mask.", "`rorem remove --help` shows how.")
        else:
            tasks = batch.guarded(batch.from_paths(photo, mask, output, avoid), how)
            if tasks[0].error and all(task.error for task in tasks):
                raise tasks[0].error
        if len(used := {task.method or method for task in tasks}) == 1:
            catalog.find(used.pop()).parse(options)  # a wrong setting is told once, not for every photo
        alone = manifest is None and len(tasks) == 1
    raise typer.Exit(_run(tasks, how, alone, as_json))


def _run(tasks: Sequence[Task], how: Settings, alone: bool, as_json: bool) -> int:
    """Does the tasks and tells of them. Returns the exit code."""
    from rorem.batch import work

    counts = Counter[str]()
    try:
        with _progress(len(tasks), as_json) as steps_of:
            for index, task in enumerate(tasks):
                outcome = work(task, how, steps_of(index))
                counts["failed" if outcome.error else "skipped" if outcome.skipped else "done"] += 1
                _tell(outcome, alone, as_json)
                if alone and isinstance(outcome.error, WRONG_INPUT):
                    return 2
    except KeyboardInterrupt:
        complain(f"Stopped. {counts['done']} of {len(tasks)} photos are done; the same command goes on from there.")
        return STOPPED
    if not alone:
        words = {"done": "done", "skipped": "skipped because the result is there already", "failed": "failed"}
        summary = ", ".join(f"{counts[kind]} {text}" for kind, text in words.items() if counts[kind] or kind == "done")
        say(f"{summary}.", err=as_json)
    return 1 if counts["failed"] else 0


def _tell(outcome: Outcome, alone: bool, as_json: bool) -> None:
    """Says what became of a photo: everything for one alone, of many only what is worth knowing."""
    name = outcome.task.photo
    if as_json:
        say(json.dumps(outcome.record()))
    if outcome.error:
        complain(outcome.error.advice if alone else f"{name}: {outcome.error.advice}")
    elif not as_json:
        for note in outcome.notes:
            say(note if alone else f"{name}: {note}")
        if alone and outcome.skipped:
            say(f"{outcome.files[0]} is there already, so nothing was done. Add --overwrite to replace it.")
        elif alone:
            say(f"Saved {' and '.join(map(str, outcome.files))} in {outcome.seconds:.1f} s.")


def _options(settings: Sequence[str]) -> dict[str, object]:
    """--set name=value as a dict; the method's own model turns the text into numbers."""
    pairs = [setting.partition("=") for setting in settings]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise BadOptions(f"--set takes NAME=VALUE, not {name!r}.", "`rorem methods METHOD` lists the settings.")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _growth(text: str) -> int | None:
    if text == "auto":
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= LARGEST_GROWTH):
        raise BadOptions(f"--grow takes auto or a number of pixels, not {text!r}.", f"{LARGEST_GROWTH} is the most.")
    return int(text)


@contextmanager
def _progress(count: int, as_json: bool) -> Iterator[Callable[[int], OnStep]]:
    """A bar over all photos on a terminal. Gives, for the photo of an index, what takes its steps."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console, on_screen = Console(stderr=True), sys.stdout.isatty()
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=on_screen,  # a file or a pipe gets its lines undisturbed
        disable=not console.is_terminal or (as_json and on_screen),
    )
    with bar:
        row = bar.add_task("", total=count * STEPS)

        def steps_of(index: int) -> OnStep:
            bar.update(row, description=f"{index + 1} of {count}", completed=index * STEPS)
            return lambda done, total: bar.update(row, completed=index * STEPS + STEPS * done // max(1, total))

        yield steps_of


if __name__ == "__main__":
    app()
