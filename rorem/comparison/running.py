"""Several methods on one photo, one after the other. One that fails costs only itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from rorem import judge, remover
from rorem.comparison.record import Cell, Request, title_of
from rorem.comparison.seeing import Measures, measures, with_score
from rorem.errors import BadMask, BadOptions, BadPicture, Cancelled, OutOfMemory, RoremError, Unavailable
from rorem.mask import check
from rorem.methods import catalog
from rorem.methods.loaded import NETWORKS
from rorem.picture import Picture
from rorem.remover import AS_PUBLISHED, Method, OnStep, Options, Published, Removal

log = logging.getLogger(__name__)
Prepare = Callable[[str, Mapping[str, object]], tuple[Method, Options]]
OnMethodStep = Callable[[str, int, int], None]


def no_method_step(method: str, done: int, total: int) -> None:
    """An `OnMethodStep` that does nothing."""


def compare(
    picture: Picture,
    mask: np.ndarray,
    request: Request,
    *,
    truth: np.ndarray | None = None,
    avoid: np.ndarray | None = None,
    prepare: Prepare = catalog.prepare,
    judged: bool | None = None,
    on_step: OnMethodStep = no_method_step,
    on_start: Callable[[str], None] = lambda method: None,
) -> Iterator[Cell]:
    """Runs the methods of a request, in the order of `order`, and gives each cell as soon as it is finished.

    mask: bool (H, W), True = remove. avoid: likewise, True = do not copy from here. truth: uint8 RGB (H, W, 3), the
    photo as it would be without the thing; then the metrics that go by it are measured, too.
    prepare: what makes a loaded method and its options of their names; a server may lend it a GPU.
    judged: whether the judge is asked; None = where it answers quickly.
    on_start is called with each method before it is loaded, on_step with the method and thousandths of its work.
    What goes wrong in a method, whatever it is, stands in its cell as an error, and the others go on. Nothing stands in
    for a method that cannot run: a result under its name would be another's.
    Raises BadMask, BadPicture and BadOptions at once for what fits no method; later only Cancelled, which ends it all.
    """
    _check(picture, mask, request, truth, avoid)
    ask = judge.quick() if judged is None else judged
    return _cells(picture, mask, request, truth, avoid, prepare, ask, on_step, on_start)


def order(methods: Iterable[str]) -> tuple[str, ...]:
    """The order of running in which nothing is loaded twice.

    What cannot run comes first, as its sentence costs nothing; then methods that are loaded already, before others push
    them out; then quick ones before slow ones, but after each the one that shares most of its weights, of which the
    system still holds the files. Methods that are equal in all this stay as they came.
    """
    loaded = NETWORKS.ids()
    waiting = list(dict.fromkeys(methods))
    parts = {id: _parts(id) for id in waiting}
    done: list[str] = []
    while waiting:
        before = parts[done[-1]] if done else {}
        shared = {id: sum(max(1, size) for name, size in parts[id].items() if name in before) for id in waiting}
        following = min(waiting, key=lambda id: (_rank(id, loaded), -shared[id], _cost(id)))
        waiting.remove(following)
        done.append(following)
    return tuple(done)


def _check(
    picture: Picture, mask: np.ndarray, request: Request, truth: np.ndarray | None, avoid: np.ndarray | None
) -> None:
    check(mask, picture.width, picture.height)
    shape = picture.height, picture.width
    if avoid is not None and (avoid.shape != shape or avoid.dtype != np.bool_):
        raise BadMask("The areas to leave alone do not fit the photo.", "Give a yes-or-no mask of the photo's size.")
    if truth is not None and (truth.shape != (*shape, 3) or truth.dtype != np.uint8):
        raise BadPicture("The truth does not fit the photo.", "Give the same view without the thing, in the same size.")
    if not request.methods:
        raise BadOptions("There is nothing to compare.", "Name at least one method.")
    if len(set(request.methods)) < len(request.methods):
        raise BadOptions("A method is named twice.", "Name each once.")
    if strange := set(request.settings) - set(request.methods):
        raise BadOptions(f"There are settings for {min(strange)}, which is not compared.", "Leave them out.")
    if request.seed < 0 or (request.grow is not None and request.grow < 0):
        raise BadOptions("The seed and the reach beyond the marks cannot be negative.", "Use 0 or more.")


def _cells(
    picture: Picture,
    mask: np.ndarray,
    request: Request,
    truth: np.ndarray | None,
    avoid: np.ndarray | None,
    prepare: Prepare,
    ask: bool,
    on_step: OnMethodStep,
    on_start: Callable[[str], None],
) -> Iterator[Cell]:
    measured = measures(truth is not None)
    for id in order(request.methods):
        on_start(id)
        steps = partial(on_step, id)
        steps(0, 1000)
        cell = _cell(id, partial(_removed, id, picture, mask, request, avoid, prepare, steps))
        if cell.removal is not None:
            cell = _seen(cell, cell.removal, mask, truth, measured, ask, steps)
        yield cell


def _cell(id: str, run: Callable[[], Removal]) -> Cell:
    cell = Cell(id, title_of(id))
    try:
        return replace(cell, removal=run())
    except Cancelled:
        raise
    except RoremError as error:
        return replace(cell, error=error)
    except MemoryError:
        return replace(cell, error=OutOfMemory("There was not enough memory for this method."))
    except Exception as error:  # a fault of ours in one method must not cost the others
        log.exception("%s failed in a way that was not foreseen", id)
        return replace(cell, error=RoremError(f"It failed in a way that was not foreseen ({error!r})."))


def _removed(
    id: str,
    picture: Picture,
    mask: np.ndarray,
    request: Request,
    avoid: np.ndarray | None,
    prepare: Prepare,
    on_step: OnStep,
) -> Removal:
    method, options = prepare(id, request.settings.get(id, {}))
    if method.traits.id != id:
        entry = catalog.find(id)
        why = entry.state().why or " ".join(method.notes)
        raise Unavailable(f"{entry.title} cannot run here, and nothing stands in for it in a comparison.", why)
    if request.protocol == AS_PUBLISHED and not isinstance(method.remover, Published):
        raise BadOptions(f"{title_of(id)} has no published way of its own.", "Compare it in our way, the same for all.")
    (removal,) = remover.remove(
        picture,
        mask,
        method,
        options=options,
        seed=request.seed,
        avoid=avoid,
        grow=request.grow,
        protocol=request.protocol,
        on_step=on_step,
    )
    return removal


def _seen(
    cell: Cell,
    removal: Removal,
    mask: np.ndarray,
    truth: np.ndarray | None,
    measured: Measures,
    ask: bool,
    on_step: OnStep,
) -> Cell:
    """The cell with what the judge and the metrics say."""
    why = ""
    if ask:
        on_step(1000, 1000)
        removal, why = with_score(removal)
    values, left_out = measured.of(removal, mask, truth, lambda: on_step(1000, 1000))
    removal = replace(removal)  # a copy without the whole picture, which stays with the removal that is asked for it
    return replace(cell, removal=removal, metrics=values, left_out={**({"judge": why} if why else {}), **left_out})


def _parts(id: str) -> dict[str, int]:
    """Bytes by name of the parts that would be loaded."""
    entry = next((entry for entry in catalog.ENTRIES if entry.id == id), None)
    folders = entry.folders() if entry else None
    if entry is None or folders is None:
        return {}
    return {part.name: part.bytes for way in entry.ways for part in way if part.name in folders}


def _rank(id: str, loaded: frozenset[str]) -> int:
    entry = next((entry for entry in catalog.ENTRIES if entry.id == id), None)
    if entry is None or entry.state().kind != "ready":
        return 0
    return 1 if id in loaded else 2


def _cost(id: str) -> int:
    """What stands for the time that a method takes: the size of its network, times its usual steps."""
    entry = next((entry for entry in catalog.ENTRIES if entry.id == id), None)
    return entry.memory * getattr(entry.options(), "steps", 1) if entry else 0
