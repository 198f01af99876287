"""How the tools speak on a terminal: one bar, one summary, and the same way to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from data_tools.tally import Tally
from rorem.labels.hub_trouble import HubTrouble, NoRepository
from rorem.terminal import STOPPED, complain, in_sentences

OnStep = Callable[[int, int], None]  # how many are done, of how many; may raise, to stop


@contextmanager
def told(what: str) -> Iterator[OnStep]:
    """A bar with the time left, on a terminal; errors that were foreseen as one sentence; Ctrl-C as a sentence."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with in_sentences():
        try:
            with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
                task = bar.add_task(what, total=None)
                yield lambda done, total: bar.update(task, completed=done, total=total or None)
        except NoRepository:  # a wrong name, which is no better later
            raise
        except HubTrouble as error:
            complain(f"{error} Run the same command later: it goes on from there.")
            raise typer.Exit(1) from None
        except KeyboardInterrupt:
            complain("Stopped. The same command goes on from there.")
            raise typer.Exit(STOPPED) from None


def tell(tally: Tally) -> None:
    """What was left out, to stderr."""
    for line in tally.lines():
        complain(line)
