"""What an operator does: look at what visitors shared, let it be judged, delete it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rorem.cli_labels.opening import AsJson, LabelDir, Labels, opened
from rorem.errors import BadData
from rorem.files import write_whole
from rorem.terminal import complain, say

if TYPE_CHECKING:
    from rorem.labels.sharing import Decided

IDS = "As `rorem labels pending` tells them."
PAGE = "Also write a page with the pictures."
NOW = "Even if its time of waiting is not over. Only for what is your own."


def pending(
    labels: Labels = None,
    label_dir: LabelDir = None,
    page: Annotated[Path | None, typer.Option(help=PAGE)] = None,
    as_json: AsJson = False,
) -> None:
    """Tells what waits for you: removals that visitors shared, and those that somebody reported."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.review import review_page
        from rorem.labels.sharing import pending as waiting

        found, now = waiting(desk.store), _now()
        if page is not None:
            write_whole(page, review_page(desk.store, desk.pictures, now).encode())
        if as_json:
            say(json.dumps([{**asdict(one), "ready": one.ready(now)} for one in found]))
            return
        for one in found:
            why = "shared by a visitor" if one.state == "held" else f"reported {one.reports} times"
            since = datetime.fromtimestamp(one.hold_until / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
            say(f"{one.id}  {one.method}, {why}{'' if one.ready(now) else f', held until {since}'}")
        say("Nothing waits." if not found else f"{len(found)} in all.", err=as_json)


def approve(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help=IDS)],
    labels: Labels = None,
    label_dir: LabelDir = None,
    early: Annotated[bool, typer.Option("--now", help=NOW)] = False,
) -> None:
    """Lets people judge what waits. What is still held stays so: visitors were told how long they have."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.sharing import approve as let

        failed = _tell(let(desk.store, ids, _now(), early), "may be judged now")
    raise typer.Exit(1 if failed else 0)


def refuse(
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help=IDS)],
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Deletes what a visitor shared; a removal of a set that was reported is not asked about again."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.sharing import refuse as delete

        decided = delete(desk.store, ids, _now())
        failed = _tell(decided, "refused")
        _tell_of_hub(decided.on_hub)
    raise typer.Exit(1 if failed else 0)


def withdraw(
    code: Annotated[str, typer.Argument(help="As it was shown when the photo was shared.")],
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Deletes what was shared under a code, and all that was said of it."""
    with opened(labels, label_dir) as desk:
        from rorem.labels.withdrawal import withdraw as take_back

        told = take_back(desk.store, desk.identities.code_hash(code), _now())
        if not told.found:
            raise BadData("Nothing was shared under this code.", "Check the code; it is shown once, when sharing.")
        say(f"{counted(told.found)} deleted here.")
        _tell_of_hub(told.on_hub)


def counted(number: int) -> str:
    return "1 removal" if number == 1 else f"{number} removals"


def _tell(decided: Decided, what: str) -> bool:
    """Says what became of each; whether any was not done."""
    for id in decided.done:
        say(f"{id}: {what}.")
    for id in decided.early:
        complain(f"{id}: its time of waiting is not over. Add --now if it is your own.")
    for id in decided.unknown:
        complain(f"{id}: nothing with this id waits.")
    return bool(decided.early or decided.unknown)


def _tell_of_hub(number: int) -> None:
    if number:
        go = "goes" if number == 1 else "go"
        say(f"{counted(number)} on the Hub {go} with the next push; docs/label.md tells how to squash history.")


def _now() -> int:
    return int(time.time() * 1000)
