"""`rorem labels export` and `import`: labels as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rorem.cli_labels.opening import LabelDir, Labels, opened
from rorem.terminal import say

OUT = "FILE.jsonl or FILE.parquet, with FILE.items beside it; or FILE.csv with the answers alone."


def export(
    file: Annotated[Path, typer.Argument(help=OUT)],
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Writes every label and all that is known of the items, but no pictures."""
    with opened(labels, label_dir) as desk:
        from rorem.labels import exchange

        moved = exchange.export(desk.store, file)
        if file.suffix.lower() == exchange.CSV:
            say(f"{moved.events} answers that count are in {file}.")
        else:
            say(f"{moved.events} labels are in {file}, {moved.items} items in {exchange.items_file(file)}.")


def bring_in(
    file: Annotated[Path, typer.Argument(help="What `rorem labels export` has written: .jsonl or .parquet.")],
    labels: Labels = None,
    label_dir: LabelDir = None,
) -> None:
    """Adds the labels of an export, and its items if their file is beside it. The same file again changes nothing."""
    with opened(labels, label_dir, new=True) as desk:
        from rorem.labels import exchange

        moved = exchange.bring_in(desk.store, desk.queue.plan, file)
        say(f"{moved.events} labels and {moved.items} items added; {moved.known} labels were there already.")
        if moved.withdrawn:
            say(f"{moved.withdrawn} items were withdrawn and stay away.")
