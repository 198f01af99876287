"""The command line that all training scripts share."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from rorem.errors import RoremError
from rorem.terminal import complain
from training.pushing import check_name, push
from training.settings import LoopSettings, read_settings
from training.task import Task

Settings = TypeVar("Settings", bound=LoopSettings)
WRONG, AMISS = 2, 1  # exit codes: wrong input; something that is amiss here


def run(
    kind: type[Settings], make: Callable[[Settings], Task[Any]], about: str, given: Sequence[str] | None = None
) -> int:
    """Reads the command line, trains, and returns the exit code. about: what the script does, for --help."""
    from training.loop import Going, Stopped, train

    told, rest = _parser(kind, about).parse_known_args(given)
    logging.basicConfig(level=logging.INFO if _is_main() else logging.ERROR, format="%(message)s", stream=sys.stderr)
    logging.getLogger("accelerate").setLevel(logging.WARNING)  # it names every file of a checkpoint
    try:
        settings = read_settings(kind, told.config, _pairs(rest))
        if told.push_to_hub:
            check_name(told.push_to_hub)
        task = make(settings)
        if told.dry_run:
            from training.dry_run import try_out

            print(try_out(make, settings))
            return 0
        train(task, Going(told.resume, told.allow_changes))
        if told.push_to_hub and _is_main():
            print(push(settings.out, told.push_to_hub))
    except Stopped as error:
        complain(error.advice)
        return AMISS
    except RoremError as error:
        complain(error.advice)
        return WRONG
    return 0


def _parser(kind: type[LoopSettings], about: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=about,
        epilog="Settings, as --name value or in the file:\n" + "\n".join(_lines(kind)),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--config", type=Path, help="a YAML file of settings")
    parser.add_argument("--resume", default="", help="latest, or the folder of a checkpoint")
    parser.add_argument("--allow-changes", action="store_true", help="go on although settings differ")
    parser.add_argument(
        "--dry-run", action="store_true", help="build everything, try some steps, tell speed and memory"
    )
    parser.add_argument("--push-to-hub", default="", metavar="OWNER/NAME", help="publish the result at the end")
    return parser


def _lines(kind: type[LoopSettings]) -> list[str]:
    """A setting a line: its name, its default and what it is."""
    return [
        f"  {name:<20} {'' if field.is_required() else field.default!s:<14} {field.description or ''}".rstrip()
        for name, field in kind.model_fields.items()
    ]


def _pairs(rest: Sequence[str]) -> dict[str, Any]:
    """--name value, --name=value, or --name alone for true. Values are YAML. Raises BadOptions."""
    import yaml

    from rorem.errors import BadOptions

    found: dict[str, Any] = {}
    words = list(rest)
    while words:
        word = words.pop(0)
        if not word.startswith("--") or word == "--":
            raise BadOptions(f"{word} is no setting.", "Settings are given as --name value.")
        name, equals, value = word[2:].partition("=")
        if not equals:
            value = words.pop(0) if words and not words[0].startswith("--") else "true"
        try:
            found[name.replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise BadOptions(f"The value of {name} cannot be read: {value}.") from error
    return found


def _is_main() -> bool:
    import os

    return os.environ.get("RANK", "0") == "0"
