"""The command line: `rorem remove` and `rorem methods`; `rorem weights` is in rorem.cli_weights.

Results go to stdout, complaints and the progress bar to stderr. Exit codes: 0 all done, 1 something failed, 2 wrong
input, 130 stopped with Ctrl-C. Heavy imports happen inside the commands, so that `rorem --help` is quick.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rorem import __version__, cli_weights
from rorem.errors import BadMask, BadOptions, BadPicture
from rorem.terminal import STOPPED, complain, in_sentences, say, size

if TYPE_CHECKING:
    from rorem.batch import Outcome, Settings, Task
    from rorem.methods.entry import Entry
    from rorem.remover import OnStep

WRONG_INPUT = (BadPicture, BadMask, BadOptions)
STEPS = 1000  # of the progress bar, for each photo
LARGEST_GROWTH = 1000  # px; far beyond any use, and small enough to be computed
OUTPUT = "Where the result goes; the suffix chooses the format. Without it, NAME-removed beside the photo or folder."
# As in rorem.batch and rorem.mask_file, which are too heavy to be imported for a page of help.
LARGEST_SEED = 2**32 - 1
Polarity = Literal["auto", "white", "black"]

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Removes things from photos and leaves every other pixel as it was.",
)
app.add_typer(cli_weights.app, name="weights")


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

        options, growth = _options(settings or []), _growth(grow)
        how = batch.Settings(
            method, seed, options, candidates, growth, polarity, mark=not unmarked, gps=not no_gps, overwrite=overwrite
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


@app.command()
def methods(as_json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False) -> None:
    """Lists the methods, whether they can run here, and their settings."""
    with in_sentences():
        from rorem.methods import catalog

        if as_json:
            typer.echo(json.dumps([_described(entry) for entry in catalog.ENTRIES], indent=2))
        else:
            _show_methods(catalog.ENTRIES)


def _show_methods(entries: Sequence[Entry]) -> None:
    from rich.console import Console
    from rich.table import Table

    listed = Table(
        "method", "what it does", "state", "memory", "licence", "paper", title="Methods", title_justify="left"
    )
    settings = Table("method", "--set", "default", "range", "meaning", title="Settings", title_justify="left")
    for entry in entries:
        what = f"{entry.title}. {entry.summary}"
        listed.add_row(entry.id, what, _state(entry), size(entry.memory), entry.licence, entry.paper)
        for name, field in entry.options.model_json_schema().get("properties", {}).items():
            settings.add_row(entry.id, name, str(field.get("default")), _range(field), field.get("description", ""))
    console = Console(markup=False, highlight=False)
    console.print(listed, settings)


def _described(entry: Entry) -> dict[str, object]:
    """A catalog entry as plain values."""
    from rorem.methods import catalog

    return {
        "id": entry.id,
        "title": entry.title,
        "summary": entry.summary,
        "default": entry.id == catalog.DEFAULT,
        "state": asdict(entry.state()),
        "licence": entry.licence,
        "paper": entry.paper,
        "memory": entry.memory,
        "devices": entry.devices,
        "traits": asdict(entry.traits),
        "fallback": entry.fallback,
        "weights": [[asdict(part) for part in way] for way in entry.ways],
        "options": entry.options.model_json_schema(),
    }


def _state(entry: Entry) -> str:
    state = entry.state()
    download = f" ({size(state.bytes)})" if state.bytes else ""
    return f"{state.kind}{download}{': ' if state.why else ''}{state.why}"


def _range(field: dict[str, Any]) -> str:
    """The values that a setting takes, from its JSON schema."""
    if "minimum" in field and "maximum" in field:
        return f"{field['minimum']} to {field['maximum']}"
    return ", ".join(map(str, field["enum"])) if "enum" in field else field.get("type", "")


def _options(settings: Sequence[str]) -> dict[str, object]:
    """--set name=value as a dict; the method's own model turns the text into numbers."""
    pairs = [setting.partition("=") for setting in settings]
    for name, equals, _ in pairs:
        if not name or not equals:
            raise BadOptions(f"--set takes NAME=VALUE, not {name!r}.", "`rorem methods` lists the settings.")
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
