"""Lending the GPU: the work really runs in another process, tells its steps, stops and fails in sentences."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
import numpy as np
import pytest

from rorem.errors import Cancelled, OutOfMemory, Unavailable
from rorem.methods import catalog
from rorem.methods.recipe import DiffusionOptions
from rorem.remover import Fill, Job, OnStep, Options, Published, no_step
from rorem.ui import warm_up as warming
from rorem.ui import zero_gpu
from tests.stubs import method

TELEA = catalog.find("telea")


@dataclass
class Slow:
    """Tells in its fill which process it runs in."""

    steps: int = 5
    error: Exception | None = None
    placed: list[bool] = field(default_factory=list)

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        for step in range(self.steps + 1):
            on_step(step, self.steps)
        if self.error:
            raise self.error
        return Fill(np.full_like(job.crop, 7), network_calls=os.getpid())

    def place(self) -> None:
        self.placed.append(True)


def job(**options: Any) -> Job:
    hole = np.zeros((512, 512), bool)
    hole[10:20] = True
    return Job(np.zeros((512, 512, 3), np.uint8), hole, np.zeros_like(hole), 0, DiffusionOptions(**options))


def lending(task: zero_gpu.Work) -> zero_gpu.Work:
    """What spaces.GPU makes of a generator, in short: it runs in a forked process, and closing it stops it there."""
    fork = multiprocessing.get_context("fork")

    def lent(id: str, work: Job | zero_gpu.Whole) -> Iterator[zero_gpu.Message]:
        here, there = fork.Pipe()
        stop = fork.Event()

        def run() -> None:
            messages = task(id, work)
            for message in messages:
                there.send(message)
                if stop.is_set():
                    messages.close()  # type: ignore[attr-defined]
                    break
            there.send(None)

        process = fork.Process(target=run)
        process.start()
        try:
            while (message := here.recv()) is not None:
                yield message
        finally:
            stop.set()
            process.join(10)
            assert process.exitcode == 0

    return lent


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Slow:
    stub = Slow()
    monkeypatch.setattr(catalog, "load", lambda id: method(stub))
    return stub


def test_without_zero_gpu_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not isinstance(zero_gpu.prepare("telea", {})[0].remover, zero_gpu.Lent)


def test_only_methods_that_use_a_gpu_are_lent_one(monkeypatch: pytest.MonkeyPatch, slow: Slow) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(zero_gpu, "on_gpu", lambda: lending(zero_gpu.work))
    gpu = replace(TELEA, traits=replace(TELEA.traits, id="stub"), devices=("cuda", "cpu"))
    monkeypatch.setattr(catalog, "ENTRIES", (gpu,))
    assert isinstance(zero_gpu.prepare("stub", {})[0].remover, zero_gpu.Lent)
    monkeypatch.setattr(catalog, "ENTRIES", (replace(gpu, devices=("cpu",)),))
    assert zero_gpu.prepare("stub", {})[0].remover is slow


def test_the_fill_runs_elsewhere_and_tells_its_steps(slow: Slow) -> None:
    told: list[tuple[int, int]] = []
    fill = zero_gpu.Lent("stub", lending(zero_gpu.work)).fill(job(), lambda done, total: told.append((done, total)))
    assert (fill.crop == 7).all() and fill.network_calls != os.getpid()
    assert told == [(step, 5) for step in range(6)]


class SlowAsPublished(Slow):
    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        on_step(1, 2)
        return Fill(np.full((5, 7, 3), seed, np.uint8), network_calls=os.getpid())


def test_a_published_way_runs_elsewhere_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setattr(zero_gpu, "on_gpu", lambda: lending(zero_gpu.work))
    gpu = replace(TELEA, traits=replace(TELEA.traits, id="stub"), devices=("cuda", "cpu"))
    monkeypatch.setattr(catalog, "ENTRIES", (gpu,))
    monkeypatch.setattr(catalog, "load", lambda id: method(Slow()))
    assert not isinstance(zero_gpu.prepare("stub", {})[0].remover, Published)
    monkeypatch.setattr(catalog, "load", lambda id: method(SlowAsPublished()))
    remover = zero_gpu.prepare("stub", {})[0].remover
    assert isinstance(remover, Published)
    photo, told = np.zeros((20, 30, 3), np.uint8), []
    options = TELEA.parse({})
    fill = remover.fill_published(photo, photo[..., 0] > 0, 9, options, lambda done, total: told.append((done, total)))
    assert fill.crop.shape == (5, 7, 3) and (fill.crop == 9).all() and fill.network_calls != os.getpid()
    assert told == [(1, 2)]


def test_a_stop_is_heard_there(slow: Slow) -> None:
    slow.steps = 100_000

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        zero_gpu.Lent("stub", lending(zero_gpu.work)).fill(job(), stop)


def test_an_error_comes_back_as_the_sentence_it_was(slow: Slow) -> None:
    slow.error = OutOfMemory("It did not fit.", "Take less.")
    with pytest.raises(OutOfMemory) as told:
        zero_gpu.Lent("stub", lending(zero_gpu.work)).fill(job())
    assert told.value.advice == "It did not fit. Take less."


def raising(error: Exception) -> zero_gpu.Work:
    def work(id: str, job: Job | zero_gpu.Whole) -> Iterator[zero_gpu.Message]:
        raise error
        yield

    return work


def test_a_loan_that_is_refused_or_ends_early_is_said() -> None:
    with pytest.raises(Unavailable, match="No GPU could be had: Quota exceeded"):
        zero_gpu.Lent("stub", raising(gr.Error("Quota exceeded"))).fill(job())
    with pytest.raises(Unavailable, match="taken away"):
        zero_gpu.Lent("stub", lambda id, job: iter(())).fill(job())


def test_more_work_asks_for_more_time() -> None:
    short, long, twice = (
        zero_gpu.seconds("rorem", job(**options))
        for options in ({"steps": 4}, {"steps": 50}, {"steps": 50, "guidance": 5})
    )
    assert short < long < twice <= zero_gpu.LONGEST
    assert zero_gpu.seconds("rorem", replace(job(steps=100), hole=np.zeros((4096, 4096), bool))) == zero_gpu.LONGEST


def test_preloading_places_weights_and_names_what_cannot_run(monkeypatch: pytest.MonkeyPatch, slow: Slow) -> None:
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setattr(zero_gpu, "on_gpu", lambda: zero_gpu.work)
    assert warming.warm_up(["stub"]) == [] and slow.placed == [True]
    monkeypatch.undo()
    (trouble,) = warming.warm_up(["no-such"])
    assert "no-such" in trouble
