"""`rorem weights`: what is on this machine, and fetching the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.errors import BadWeights, MissingWeights, RoremError, Unavailable
from rorem.terminal import STOPPED, complain, in_sentences, say, size

if TYPE_CHECKING:
    from rorem.methods.entry import Entry
    from rorem.weights import OnBytes, Part

# Modules with PARTS that no method of the catalog needs.
EXTRA_PARTS = (
    "rorem.segment",
    "rorem.judge",
    "rorem.methods.sdxl_parts",
    "rorem.methods.powerpaint_parts",
    "rorem.metrics.networks",
)
# Modules of which all PARTS can be fetched under one name.
SETS = {"judge": "rorem.judge", "metrics": "rorem.metrics.networks"}
NAME = "A method, or a part that `rorem weights list` names."
AS_JSON = "Print it as JSON."

app = typer.Typer(no_args_is_help=True, help="Lists, fetches and checks the published files that methods need.")


@dataclass(frozen=True)
class Row:
    """What is known of a part. folder: "" if it is not here. bytes: on this machine, else to be fetched; 0 = unknown.
    why: in what way it is damaged or not complete. methods: the ids of those that can use it."""

    part: str
    about: str
    source: str
    folder: str
    bytes: int
    revision: str
    why: str
    methods: tuple[str, ...]


@app.command("list")
def show(as_json: Annotated[bool, typer.Option("--json", help=AS_JSON)] = False) -> None:
    """Lists all parts: where each lies or what is missing, its size and revision, and what it is for."""
    with in_sentences():
        rows = [_row(part, methods) for part, methods in _parts().values()]
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], indent=2))
        else:
            _print(rows)


@app.command()
def pull(
    name: Annotated[str, typer.Argument(help=NAME)],
    as_json: Annotated[bool, typer.Option("--json", help=AS_JSON)] = False,
) -> None:
    """Fetches what a method needs and this machine lacks. What was broken off goes on where it was."""
    with in_sentences():
        from rorem import weights

        parts = _wanted(name)
        try:
            with _progress(as_json) as on_bytes:
                folders = {part.name: weights.pull(part, on_bytes) for part in parts}
        except KeyboardInterrupt:
            complain("Stopped. The same command goes on from there.")
            raise typer.Exit(STOPPED) from None
        _tell(name, folders, as_json)


@app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help=f"{NAME} Without it, all that is here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help=AS_JSON)] = False,
) -> None:
    """Reads every file and compares it with what was published, or with what it was when it came."""
    with in_sentences():
        from rorem import weights

        parts = _wanted(name) if name else [part for part, _ in _parts().values() if weights.locate(part)]
        wrong: list[RoremError] = []
        folders: dict[str, Path] = {}
        for part in parts:
            try:
                folders[part.name] = weights.verify(part)
            except BadWeights as error:
                complain(error.advice)
                wrong.append(error)
        _tell(name or "", folders, as_json)
    raise typer.Exit(1 if wrong else 0)


def _parts() -> dict[str, tuple[Part, tuple[str, ...]]]:
    """All parts there are, by name, with the methods that can use them."""
    from rorem.methods import catalog

    parts: dict[str, tuple[Part, tuple[str, ...]]] = {}
    for entry in catalog.ENTRIES:
        for part in {part.name: part for way in entry.ways for part in way}.values():
            parts[part.name] = part, (*parts.get(part.name, (part, ()))[1], entry.id)
    for module in EXTRA_PARTS:
        for part in import_module(module).PARTS:
            parts.setdefault(part.name, (part, ()))
    return parts


def _wanted(name: str) -> Sequence[Part]:
    """The parts of a method, or the one part of this name. Raises Unavailable, and MissingWeights if a person has to
    download something first."""
    from rorem.methods import catalog

    entry = next((entry for entry in catalog.ENTRIES if entry.id == name and entry.ways), None)
    parts = _parts()
    if entry is not None:
        return _way(entry)
    if name in SETS:
        return import_module(SETS[name]).PARTS
    if name in parts:
        return [parts[name][0]]
    if any(entry.id == name for entry in catalog.ENTRIES):
        return []
    sets = (name for name, module in SETS.items() if module in EXTRA_PARTS)
    known = [*(entry.id for entry in catalog.ENTRIES if entry.ways), *sets, *parts]
    raise Unavailable(
        f"There is no method or part called {name!r}.", f"Choose one of: {', '.join(dict.fromkeys(known))}."
    )


def _way(entry: Entry) -> Sequence[Part]:
    """The parts of the way that is here, else of the first that a program can fetch. Raises MissingWeights, saying what
    to download, before anything large is fetched."""
    from rorem import weights

    def by_hand(way: Sequence[Part]) -> list[Part]:
        return [part for part in way if isinstance(part.source, weights.ByHand) and not weights.locate(part)]

    here = next((way for way in entry.ways if all(map(weights.locate, way))), None)
    way = here or min(entry.ways, key=lambda way: len(by_hand(way)))
    told: list[RoremError] = []
    for part in by_hand(way):
        try:
            weights.pull(part)
        except RoremError as error:
            told.append(error)
    if told:
        then = f"Then again: rorem weights pull {entry.id}"
        raise MissingWeights(" ".join(error.advice for error in told), then)
    return way


def _row(part: Part, methods: tuple[str, ...]) -> Row:
    from rorem import weights

    match part.source:
        case weights.Hub(repository=repository, revision=wanted):
            source = f"{repository} at {wanted}"
        case weights.Url(address=source) | weights.ByHand(page=source):
            pass
    folder, why, revision, count = weights.locate(part), "", "", part.bytes
    try:
        if folder:
            count = sum((folder / name).stat().st_size for name, _ in weights.names(folder, part))
            revision = weights.revision_of(folder)
            weights.verify(part, folder, deep=False)
        else:
            why = weights.obstacle(part)
    except (RoremError, OSError, ValueError) as error:
        why = str(error)
    return Row(part.name, part.about, source, str(folder or ""), count, revision, why, methods)


def _print(rows: Sequence[Row]) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    part = Column("part", no_wrap=True)  # this is what a person types
    place = Column("where it lies or comes from", overflow="fold")
    table = Table(part, "state", "size", "for", place, title="Weights", title_justify="left")
    for row in rows:
        revision = row.revision if row.revision.startswith("local") else row.revision[:12]
        state = ("not as published" if row.why else f"here, {revision}") if row.folder else "not here."
        count = size(row.bytes) if row.bytes else ""
        table.add_row(row.part, state, count, ", ".join(row.methods), row.folder or row.source)
    troubles = [f"{row.part}: {row.why}" for row in rows if row.why]
    console = Console(markup=False, highlight=False)
    console.print(table, *troubles, "`rorem weights pull NAME` fetches a part, or all of a method.", sep="\n")


def _tell(name: str, folders: dict[str, Path], as_json: bool) -> None:
    """Says where parts lie that are here and right."""
    from rorem import weights

    found = [
        {"part": part, "folder": str(folder), "revision": weights.revision_of(folder)}
        for part, folder in folders.items()
    ]
    if as_json:
        say(json.dumps(found))
        return
    for one in found:
        say(f"{one['part']} is here: {one['folder']} ({one['revision']}).")
    if not found:
        say(f"{name} needs no weights." if name else "There are no weights on this machine.")


@contextmanager
def _progress(as_json: bool) -> Iterator[OnBytes]:
    """A bar on a terminal, elsewhere a line for each file. Gives what takes the bytes of each file."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        row = bar.add_task("Looking up", total=None)
        shown = ""

        def on_bytes(done: int, total: int | None, name: str) -> None:
            nonlocal shown
            if name != shown:
                if not console.is_terminal:
                    complain(f"Fetching {name}{f' ({size(total)})' if total else ''}.")
                bar.reset(row, description=name, total=total, completed=done)
                shown = name
            bar.update(row, completed=done, total=total)

        yield on_bytes
