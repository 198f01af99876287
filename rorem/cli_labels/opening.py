"""Which labels a command is about: the same settings as the app's, from options over the environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.errors import BadData
from rorem.labels.database import CannotSave
from rorem.terminal import STOPPED, complain, in_sentences, plain

if TYPE_CHECKING:
    from rorem.ui.desk import Desk

Labels = Annotated[str | None, typer.Option("--labels", metavar="URL", help="Database; else ROREM_LABELS or SQLite.")]
LabelDir = Annotated[
    Path | None, typer.Option("--label-dir", help="Folder of the labels; else ROREM_LABEL_DIR or the app's own.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@contextmanager
def opened(labels: str | None, label_dir: Path | None, new: bool = False) -> Iterator[Desk]:
    """The desk that the app would open, closed at the end; errors are told in sentences and end the command.

    new: make what is not there yet; else a folder without labels is an error, so that a slip in its name is seen.
    """
    with in_sentences():
        from rorem.ui.desk import FILE, open_desk
        from rorem.ui.settings import read

        settings = read({"labels": labels, "label_dir": label_dir}, os.environ)
        if not new and not settings.labels and not (settings.label_dir / FILE).is_file():
            raise BadData(f"There are no labels in {settings.label_dir}.", "Name their folder with --label-dir.")
        desk = open_desk(settings)
        try:
            yield desk
        except KeyboardInterrupt:
            complain("Stopped. What is done is kept.")
            raise typer.Exit(STOPPED) from None
        except CannotSave as error:
            complain(error.advice)
            raise typer.Exit(1) from error
        finally:
            desk.store.close()


@contextmanager
def progress(what: str, shown: bool = True) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal. Gives what takes "so many of so many"."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )
    with bar:
        row = bar.add_task(plain(what), total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)
