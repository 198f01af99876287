"""Doing a task, so that a run that was stopped at any moment can be taken up again.

A result is written under another name and renamed when it is whole: a file that is there is finished. Each photo is
worked on with its own seed, whatever came before it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rorem import api
from rorem.batch.task import BadRequest, Outcome, Settings, Task, is_picture
from rorem.errors import BadMask, Cancelled, OutOfMemory, RoremError
from rorem.files import write_whole
from rorem.mask_file import read_mask
from rorem.methods import catalog
from rorem.picture import Picture, encode, open_picture
from rorem.remover import OnStep, Removal, no_step
from rorem.remover.facts import facts, windows

logger = logging.getLogger(__name__)


def guarded(tasks: Sequence[Task], settings: Settings) -> list[Task]:
    """The tasks, with an error for those that would write over what is needed.

    That is the result of an earlier task and, unless `settings.overwrite`, any photo or mask of the run.
    Raises BadRequest if this leaves nothing to do.
    """
    sources = {path for task in tasks for path in (task.photo, task.mask, task.avoid) if path}
    identities = set(filter(None, map(_identity, sources)))
    taken: set[str] = set()
    checked = []
    for task in tasks:
        files = [] if task.error else task.files(settings.candidates)
        names = {os.path.normcase(os.path.abspath(file)) for file in files}
        error = task.error
        if names & taken:
            error = BadRequest(f"Another photo's result already goes to {task.output}.", "Give each its own name.")
        elif not settings.overwrite and (source := next((one for one in files if _identity(one) in identities), None)):
            error = BadRequest(
                f"The result would be written over {source}, which is a photo or mask.",
                "Name another place with -o, or add --overwrite.",
            )
        else:
            taken |= names
        checked.append(replace(task, error=error))
    if all(task.error for task in checked):
        refused = [now.error for now, before in zip(checked, tasks, strict=True) if now.error and not before.error]
        if refused:
            raise refused[0]
    return checked


def work(task: Task, settings: Settings, on_step: OnStep = no_step) -> Outcome:
    """Does one task, unless its results are there already. What goes wrong is in the outcome's `error`.

    Raises Cancelled, and nothing else but what stops the process.
    """
    started = time.perf_counter()
    method, seed = task.method or settings.method, settings.seed if task.seed is None else task.seed
    outcome = Outcome(task, method, seed)
    try:
        if task.error:
            raise task.error
        if not settings.overwrite and (there := _finished(task, method, settings.candidates)):
            return replace(outcome, files=there, skipped=True)
        outcome = _removed(outcome, settings, on_step)
    except Cancelled:
        raise
    except RoremError as error:
        outcome = replace(outcome, error=error)
    except MemoryError:
        outcome = replace(outcome, error=OutOfMemory("There was not enough memory for this photo."))
    except OSError as error:
        outcome = replace(outcome, error=unwritten(error))
    except Exception as error:  # a fault of ours in one photo must not cost the other thousand
        logger.exception("%s failed in a way that was not foreseen", task.photo)
        outcome = replace(outcome, error=RoremError(f"RORem failed in a way that was not foreseen ({error!r})."))
    return replace(outcome, seconds=time.perf_counter() - started)


def unwritten(error: OSError) -> RoremError:
    """A full disk, a folder that may not be written to and the like, in a sentence."""
    reason = (error.strerror or str(error)).lower()
    what = f"{error.filename} could not be written" if error.filename else "The result could not be written"
    return RoremError(f"{what}: {reason}.", "Make room or choose another place with -o.")


def _finished(task: Task, method: str, candidates: int) -> tuple[Path, ...]:
    """The results, if all are there; of a method that knows only one, the first is all."""
    files = task.files(candidates)
    if all(file.is_file() for file in files):
        return files
    only = files[0].is_file() and not catalog.acting(method).traits.seeded
    return files[:1] if only else ()


def _removed(outcome: Outcome, settings: Settings, on_step: OnStep) -> Outcome:
    task = outcome.task
    picture = open_picture(task.photo)
    removals = api.remove(
        picture,
        task.mask,
        outcome.method,
        options=settings.options,
        seed=outcome.seed,
        candidates=settings.candidates,
        avoid=_avoid(task, picture),
        grow=settings.grow,
        polarity=settings.polarity,
        protocol=settings.protocol,
        on_step=on_step,
    )
    files = task.files(settings.candidates)[: len(removals)]
    for file, removal in zip(files, removals, strict=True):
        edit = removal.edit if settings.mark else None
        format = file.suffix if is_picture(file) else None
        write_whole(file, encode(removal.picture, format, edit=edit, keep_gps=settings.gps))
    first = removals[0]
    return replace(
        outcome,
        files=files,
        method=first.method,
        windows=tuple(windows(first)),
        facts=facts(first) | _of_each(removals),
        notes=tuple(dict.fromkeys((*picture.notes, *first.notes))),
    )


def _avoid(task: Task, picture: Picture) -> np.ndarray | None:
    if task.avoid is None:
        return None
    try:  # the sure polarity: what to leave alone may well be nearly everything
        return read_mask(task.avoid, picture.width, picture.height, polarity="white").mask
    except BadMask as error:
        raise BadMask(f"{task.avoid.name}, the mask of what to leave alone: {error}", error.fix) from error


def _of_each(removals: Sequence[Removal]) -> dict[str, object]:
    """Of several results, what made each; in the order of the files."""
    if len(removals) == 1:
        return {}
    return {"seeds": [one.seed for one in removals], "scores": [one.score for one in removals]}


def _identity(path: Path) -> tuple[int, int] | None:
    """What makes two names the same file: links and other spellings are seen through."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
