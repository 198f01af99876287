"""Everything about ZeroGPU, the GPUs that Hugging Face lends for one call at a time.

There a network may use the GPU only inside a function that `spaces.GPU` has wrapped, which runs in a forked process:
what goes in and comes out is pickled, and a generator is how it tells its progress and hears of a stop. So what is lent
for is one fill of one crop, a few hundred kilobytes. Everywhere else this module does nothing.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import gradio as gr
import numpy as np

from rorem.errors import Cancelled, RoremError, Unavailable
from rorem.hosting import gpu_is_lent
from rorem.methods import catalog
from rorem.remover import Fill, Job, Method, OnStep, Options, Published, Remover, no_step

FIXED_SECONDS = 10  # moving the weights over, both directions of the autoencoder
STEP_SECONDS = 0.1  # for a call at 512 px; generous, as a call that runs over its time is cut off
LONGEST = 120  # s; longer loans are refused to most visitors
DEFAULT_STEPS = 1
CRASHED = "ZeroGPU worker error"  # how spaces titles what went wrong after the loan was made
LOST = "The GPU was taken away before the work was done."


@dataclass(frozen=True)
class Step:
    """A sign of life from the other process."""

    done: int
    total: int


@dataclass(frozen=True, eq=False)
class Whole:
    """A whole photo for `fill_published`; its arguments."""

    picture: np.ndarray
    mask: np.ndarray
    seed: int
    options: Options


Message = Step | Fill | RoremError
Work = Callable[[str, Job | Whole], Iterator[Message]]


def prepare(id: str, settings: Mapping[str, object]) -> tuple[Method, Options]:
    """As `catalog.prepare`; on ZeroGPU the method then fills on a GPU that is lent for each fill."""
    method, options = catalog.prepare(id, settings)
    if not gpu_is_lent() or "cuda" not in catalog.find(method.traits.id).devices:
        return method, options
    lent = LentAsPublished if isinstance(method.remover, Published) else Lent
    return replace(method, remover=lent(method.traits.id, on_gpu())), options


@lru_cache(maxsize=1)
def on_gpu() -> Work:
    """`work`, wrapped. Made once, before the app starts: ZeroGPU looks for it then."""
    import spaces

    return spaces.GPU(work, duration=seconds)


def seconds(id: str, job: Job | Whole) -> int:
    """How long the GPU is asked for."""
    steps = getattr(job.options, "steps", DEFAULT_STEPS)
    passes = 2 if getattr(job.options, "guidance", 1.0) > 1 else 1
    crops = (job.mask if isinstance(job, Whole) else job.hole).size / 512**2
    return min(LONGEST, round(FIXED_SECONDS + steps * passes * crops * STEP_SECONDS))


def work(id: str, job: Job | Whole) -> Iterator[Message]:
    """One fill, of a crop or as published, told step by step, the fill or an error last.

    Closing the iterator stops it at its next step.
    """
    told: queue.Queue[Message | BaseException] = queue.Queue()
    stopped = threading.Event()

    def on_step(done: int, total: int) -> None:
        if stopped.is_set():
            raise Cancelled
        told.put(Step(done, total))

    def run() -> None:
        try:
            told.put(_filled(catalog.load(id).remover, job, on_step))
        except BaseException as error:  # the thread has nobody else to tell
            told.put(error)

    threading.Thread(target=run, name="rorem-fill", daemon=True).start()
    try:
        while isinstance(message := told.get(), Step):
            yield message
        if isinstance(message, BaseException) and not isinstance(message, RoremError):
            raise message
        yield message
    finally:
        stopped.set()


def _filled(remover: Remover, job: Job | Whole, on_step: OnStep) -> Fill:
    if isinstance(job, Job):
        return remover.fill(job, on_step)
    assert isinstance(remover, Published)
    return remover.fill_published(job.picture, job.mask, job.seed, job.options, on_step)


class Lent:
    """A method whose fills run where the GPU is. Looks like any other from outside."""

    def __init__(self, id: str, work: Work) -> None:
        self._id = id
        self._work = work

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        return self._done(job, on_step)

    def _done(self, job: Job | Whole, on_step: OnStep) -> Fill:
        messages = self._work(self._id, job)
        try:
            for message in messages:
                if isinstance(message, Step):
                    on_step(message.done, message.total)
                elif isinstance(message, RoremError):
                    raise message
                else:
                    return message
        except gr.Error as error:
            if error.title == CRASHED:
                raise Unavailable(LOST, "Try again, or with fewer steps.") from error
            raise Unavailable(f"No GPU could be had: {error.message}", "Try again later, or the quick fill.") from error
        finally:
            if hasattr(messages, "close"):
                messages.close()  # type: ignore[attr-defined]
        raise Unavailable(LOST, "Try again, or with fewer steps.")


class LentAsPublished(Lent):
    """Likewise a method that has a published way of its own."""

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        return self._done(Whole(picture, mask, seed, options), on_step)
