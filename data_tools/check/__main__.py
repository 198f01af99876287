"""The command: `python -m data_tools.check SET`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from data_tools import engine
from data_tools.check.checking import Checked, check
from data_tools.check.fixing import Fixed, fix
from data_tools.check.problem import Problem
from data_tools.check.rules import Rules
from data_tools.commands import tell, told
from rorem.terminal import STOPPED, complain, say

SET = "A folder, a list such as meta.json, Parquet shards, or owner/name on the Hub."
TOLERANCE = "Levels of 255 that a result may differ from its photo by, outside the mask."
CHANGED = "Share of the pixels outside the mask that may differ by more."
GROW = "How far the mask is grown before that, as a share of the longer side."
KEEP = "A folder for what was found, so that a check that was stopped goes on."
FIX = "A new folder for the set without what is wrong with it."

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    name: Annotated[str, typer.Argument(metavar="SET", help=SET)],
    tolerance: Annotated[int, typer.Option(help=TOLERANCE)] = Rules.tolerance,
    changed: Annotated[float, typer.Option(help=CHANGED)] = Rules.changed,
    grow: Annotated[float, typer.Option(help=GROW)] = Rules.grow,
    fix_to: Annotated[Path | None, typer.Option("--fix", metavar="DIR", help=FIX)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines: one a problem, and the summary.")] = False,
    keep: Annotated[Path | None, typer.Option(metavar="DIR", help=KEEP)] = None,
    engine_name: Annotated[str, typer.Option("--engine", help="local, or ray for many machines.")] = engine.LOCAL,
    workers: Annotated[int, typer.Option(min=1, help="How many look at once, with --engine ray.")] = 1,
) -> None:
    """Holds a set to every rule of the triplet format: one line a problem, and a summary by kind.

    Exit code 0: nothing is wrong, or all that was is mended. 1: something is. 2: there is no such set.
    """

    def tell_problem(problem: Problem) -> None:
        if as_json:
            typer.echo(json.dumps({"record": problem.record, "kind": problem.kind, "what": problem.what}))
        else:
            say(problem.line)

    fixed = None
    with told("Checking") as on_step, _stopping(keep):
        rules = Rules(tolerance, changed, grow)
        checked = check(name, rules, tell_problem, on_step, engine_name, workers, keep)
    if fix_to:
        with told("Mending") as on_step:
            fixed = fix(checked, fix_to, rules, on_step)
    _sum_up(checked, fixed, fix_to, as_json)
    raise typer.Exit(1 if (fixed.lost if fixed else checked.wrong) else 0)


@contextmanager
def _stopping(keep: Path | None) -> Iterator[None]:
    """Where nothing is kept, a check that was stopped begins anew."""
    try:
        yield
    except KeyboardInterrupt:
        if keep:
            raise
        complain("Stopped. With --keep DIR a check goes on from there.")
        raise typer.Exit(STOPPED) from None


def _sum_up(checked: Checked, fixed: Fixed | None, out: Path | None, as_json: bool) -> None:
    if as_json:
        summary: dict[str, object] = {"records": checked.records, "wrong": checked.wrong, "kinds": checked.counts}
        if fixed:
            summary |= {"kept": fixed.kept, "mended": fixed.mended.counts, "left_out": fixed.left_out.counts}
        typer.echo(json.dumps({"summary": summary}))
        return
    for kind, count in sorted(checked.counts.items(), key=lambda one: (-one[1], one[0])):
        say(f"{count:>9,}  {kind}")
    say(f"{checked.records:,} records, {checked.wrong:,} of them with problems.")
    if fixed:
        say(f"{fixed.kept:,} records are in {out}, {fixed.mended.total:,} problems mended.")
        if fixed.left_out.total:
            complain("Left out:")
            tell(fixed.left_out)


if __name__ == "__main__":
    app()
