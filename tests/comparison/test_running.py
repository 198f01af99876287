"""Several methods on one photo: each gets its own cell, whatever happens to the others."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rorem import judge, remover
from rorem.comparison import Cell, Request, compare, order
from rorem.errors import (
    BadMask,
    BadOptions,
    BadPicture,
    BadWeights,
    Cancelled,
    MissingWeights,
    OutOfMemory,
    RoremError,
    Unavailable,
)
from rorem.methods import catalog
from rorem.methods.entry import State
from rorem.methods.loaded import NETWORKS
from rorem.picture import to_rgb
from rorem.remover import AS_PUBLISHED, Job, Method, Options
from tests.comparison.scene import HIGH, TWO_STEPS, WIDE, by_method, mark, photo, pixels, truth
from tests.stubs import Gives, Steps, method

BOTH = Request(("patchmatch", "telea"))


def stubs(**removers: object) -> object:
    """A `Prepare` that gives these stubs, by the ids of methods (with _ for -)."""

    def prepare(id: str, settings: Mapping[str, object]) -> tuple[Method, Options]:
        made = removers[id.replace("-", "_")]
        if isinstance(made, Exception):
            raise made
        stub = method(made)  # type: ignore[arg-type]
        return replace(stub, traits=replace(stub.traits, id=id)), Options()

    return prepare


def test_each_method_gives_what_it_gives_alone() -> None:
    cells = by_method(list(compare(photo(), mark(), Request(("patchmatch", "telea"), seed=5))))
    for id in ("patchmatch", "telea"):
        cell = cells[id]
        loaded, options = catalog.prepare(id, {})
        (alone,) = remover.remove(photo(), mark(), loaded, options=options, seed=5)
        assert cell.removal is not None and cell.error is None and cell.title == catalog.find(id).title
        assert (cell.removal.picture.colour == alone.picture.colour).all()
        assert (cell.removal.picture.colour[mark()] != pixels()[mark()]).any()
        assert cell.seconds is not None and cell.seconds > 0 and cell.network_calls == 0
        assert cell.working == ((WIDE, HIGH),) and cell.score is None and cell.notes == ()


def test_cells_come_as_they_are_finished() -> None:
    """The first one is there while the second has not even begun."""
    told: list[str] = []
    cells = compare(photo(), mark(), BOTH, on_start=lambda id: told.append(f"start {id}"))
    told.append(next(cells).method)
    told.append(next(cells).method)
    first, second = order(BOTH.methods)
    assert told == [f"start {first}", first, f"start {second}", second]


def test_settings_seed_and_reach_are_heeded() -> None:
    request = Request(("telea",), seed=9, settings={"telea": {"radius": "7"}}, grow=3)
    (cell,) = compare(photo(), mark(), request)
    assert cell.removal is not None and cell.removal.options.model_dump() == {"radius": 7}
    assert cell.removal.seed == 9 and cell.removal.windows[0].grow == 3


def test_what_is_to_be_left_alone_is_heeded() -> None:
    def filled(columns: slice) -> np.ndarray:
        avoid = np.zeros((HIGH, WIDE), bool)
        avoid[:, columns] = True
        (cell,) = compare(photo(), mark(), Request(("telea",)), avoid=avoid)
        assert cell.removal is not None
        return cell.removal.picture.colour

    assert (filled(slice(0)) == filled(slice(80, WIDE))).all()  # nothing, and what is out of reach
    assert (filled(slice(0)) != filled(slice(56, WIDE))).any()


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (MissingWeights("They are not here.", "Get them."), MissingWeights, "They are not here. Get them."),
        (OutOfMemory("Too much."), OutOfMemory, "Too much."),
        (MemoryError(), OutOfMemory, "There was not enough memory for this method."),
        (ZeroDivisionError("oh"), RoremError, "It failed in a way that was not foreseen (ZeroDivisionError('oh'))."),
        (Gives(lambda job: job.crop[:2]), RoremError, "not foreseen"),
    ],
)
def test_what_fails_costs_only_itself(failure: object, kind: type[Exception], words: str) -> None:
    prepare = stubs(telea=Gives(lambda job: job.crop), lama=failure, patchmatch=Gives(lambda job: job.crop))
    request = Request(("telea", "lama", "patchmatch"))
    cells = by_method(list(compare(photo(), mark(), request, prepare=prepare)))  # type: ignore[arg-type]
    assert set(cells) == set(request.methods)
    failed = cells["lama"]
    assert failed.error is not None and type(failed.error) is kind and words in failed.error.advice
    assert failed.title == "LaMa"
    assert failed.removal is failed.seconds is failed.network_calls is failed.peak_memory is None
    assert failed.working == () and failed.metrics == {}
    assert cells["telea"].removal is not None and cells["patchmatch"].removal is not None


def test_damaged_weights_and_an_unknown_name_are_told_in_their_cells(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(weights / "migan", tmp_path / "migan")
    for file in (tmp_path / "migan").iterdir():
        file.write_bytes(file.read_bytes()[:500])
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    cells = by_method(list(compare(photo(), mark(), Request(("migan", "nothing", "lama", "telea")))))
    assert isinstance(cells["migan"].error, BadWeights) and "damaged" in str(cells["migan"].error)
    assert isinstance(cells["lama"].error, MissingWeights)
    assert isinstance(cells["nothing"].error, Unavailable) and cells["nothing"].title == "nothing"
    assert cells["telea"].removal is not None


def test_nothing_stands_in_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = replace(catalog.find("patchmatch"), probe=lambda: State("unavailable", "It does not load here."))
    monkeypatch.setattr(catalog, "ENTRIES", (broken, catalog.find("telea")))
    assert catalog.prepare("patchmatch", {})[0].traits.id == "telea"  # elsewhere it would
    cells = by_method(list(compare(photo(), mark(), BOTH)))
    assert cells["patchmatch"].removal is None and isinstance(cells["patchmatch"].error, Unavailable)
    assert "nothing stands in" in str(cells["patchmatch"].error)
    assert "It does not load here." in cells["patchmatch"].error.advice
    assert cells["telea"].removal is not None


def test_as_published(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    request = Request(("telea", "migan"), protocol=AS_PUBLISHED, settings={"migan": {}})
    cells = by_method(list(compare(photo(), mark(), request)))
    assert isinstance(cells["telea"].error, BadOptions) and "no published way" in str(cells["telea"].error)
    made = cells["migan"].removal
    assert made is not None and made.published is not None and made.drift is not None
    assert cells["migan"].network_calls == 1


@pytest.mark.parametrize("at", ["start", "step", "second"])
def test_a_stop_ends_it_all(at: str) -> None:
    steps = Steps()
    prepare = stubs(telea=Gives(lambda job: job.crop), patchmatch=steps)

    def on_step(id: str, done: int, total: int) -> None:
        if at == "start" or (id == "patchmatch" and (at == "second" or done > total / 2)):
            raise Cancelled

    cells = compare(photo(), mark(), BOTH, prepare=prepare, on_step=on_step)  # type: ignore[arg-type]
    assert order(BOTH.methods) == ("telea", "patchmatch")
    if at != "start":
        assert next(cells).method == "telea"
    with pytest.raises(Cancelled):
        next(cells)
    assert at != "step" or 20 < steps.done < 30
    assert list(cells) == []


def test_progress_is_told_by_method() -> None:
    told: list[tuple[str, int, int]] = []
    list(compare(photo(), mark(), BOTH, on_step=lambda *step: told.append(step)))
    for id in BOTH.methods:
        share = [done / total for method, done, total in told if method == id]
        assert share == sorted(share) and share[0] == 0 and share[-1] == 1


def test_two_at_once_do_not_know_of_each_other() -> None:
    requests = [Request(("patchmatch", "telea"), seed=seed) for seed in range(4)]
    alone = [list(compare(photo(), mark(), request)) for request in requests]
    together: dict[int, list[Cell]] = {}

    def run(index: int) -> None:
        together[index] = list(compare(photo(), mark(), requests[index]))

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(requests))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, before in enumerate(alone):
        assert [cell.method for cell in together[index]] == [cell.method for cell in before]
        for one, other in zip(before, together[index], strict=True):
            assert one.removal and other.removal
            assert (one.removal.picture.colour == other.removal.picture.colour).all()


@pytest.mark.parametrize(
    ("request_", "more", "error", "words"),
    [
        (Request(()), {}, BadOptions, "nothing to compare"),
        (Request(("telea", "telea")), {}, BadOptions, "twice"),
        (Request(("telea",), settings={"lama": {}}), {}, BadOptions, "settings for lama"),
        (Request(("telea",), seed=-1), {}, BadOptions, "negative"),
        (Request(("telea",), grow=-1), {}, BadOptions, "negative"),
        (BOTH, {"mask": np.zeros((HIGH, WIDE), bool)}, BadMask, "Nothing is marked"),
        (BOTH, {"mask": np.ones((4, 4), bool)}, BadMask, "mask"),
        (BOTH, {"avoid": np.zeros((4, 4), bool)}, BadMask, "leave alone"),
        (BOTH, {"truth": np.zeros((4, 4, 3), np.uint8)}, BadPicture, "truth"),
        (BOTH, {"truth": np.zeros((HIGH, WIDE, 3))}, BadPicture, "truth"),
    ],
)
def test_what_fits_no_method_is_refused_at_once(
    request_: Request, more: dict[str, np.ndarray], error: type[Exception], words: str
) -> None:
    marked = more.pop("mask", mark())
    with pytest.raises(error, match=words):
        compare(photo(), marked, request_, **more)  # type: ignore[arg-type]


def test_a_wrong_setting_is_told_in_its_cell() -> None:
    cells = by_method(list(compare(photo(), mark(), Request(BOTH.methods, settings={"telea": {"radius": "red"}}))))
    assert isinstance(cells["telea"].error, BadOptions) and cells["patchmatch"].removal is not None


def test_nothing_that_was_given_is_changed() -> None:
    picture, marked, known = photo(), mark(), truth()
    list(compare(picture, marked, BOTH, truth=known))
    assert (picture.colour == pixels()).all() and (marked == mark()).all() and (known == truth()).all()


class Told:
    """A judge of its own mind."""

    def rank(self, removals: list[remover.Removal]) -> list[float]:
        return [float(to_rgb(one.picture).mean()) for one in removals]


def test_the_judge_is_asked_where_it_is_quick_or_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "shared", Told)
    asked = {}
    for quick in (True, False):
        monkeypatch.setattr(judge, "quick", lambda quick=quick: quick)
        for wanted in (True, False, None):
            (cell,) = compare(photo(), mark(), Request(("telea",)), judged=wanted)
            asked[quick, wanted] = cell.score is not None
            if cell.score is not None:
                assert cell.removal and cell.score == pytest.approx(to_rgb(cell.removal.picture).mean())
    assert [key for key, value in asked.items() if value] == [(True, True), (True, None), (False, True)]


def test_without_the_judge_there_is_a_reason() -> None:
    (cell,) = compare(photo(), mark(), Request(("telea",)), judged=True)
    assert (
        cell.removal is not None and cell.score is None and "weights are not on this machine" in cell.left_out["judge"]
    )


def test_the_order_of_running(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    NETWORKS.clear()
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    every = [entry.id for entry in catalog.ENTRIES]
    ran = order(every)
    assert sorted(ran) == sorted(every) and ran[0] == "telea"
    assert all(ran.index(quick) < ran.index(slow) for quick in ("patchmatch", "migan", "lama") for slow in ran[6:])
    family = [ran.index(id) for id in ("sdxl-inp", "rorem", "rorem-mixed", "rorem-4s")]
    assert max(family) - min(family) == 3  # they share SDXL
    assert ran.index("rorem") - ran.index("rorem-4s") == 1  # and these two a UNet, of which the quick one goes first
    assert ran.index("sdxl-inp") < ran.index("rorem-mixed")  # equal in all, so they stay as they came
    turned = order(reversed(every))
    assert turned.index("sdxl-inp") > turned.index("rorem-mixed") and turned[:6] == ran[:6]
    assert order(["telea", "telea"]) == ("telea",)

    catalog.load("rorem-mixed")
    assert order(every)[0] == "rorem-mixed"
    NETWORKS.clear()
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights / "nowhere"))
    assert order(("telea", "rorem", "patchmatch", "nothing")) == ("nothing", "rorem", "telea", "patchmatch")


def test_a_network_method_runs_with_two_steps(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    request = Request(("rorem-4s", "lama"), settings={"rorem-4s": TWO_STEPS})
    cells = by_method(list(compare(photo(), mark(), request)))
    assert cells["rorem-4s"].network_calls == 2 and cells["lama"].network_calls == 1
    assert all(cell.peak_memory is None or cell.peak_memory > 10**7 for cell in cells.values())


def test_jobs_keep_the_contract() -> None:
    jobs: list[Job] = []

    def keep(job: Job) -> np.ndarray:
        jobs.append(job)
        return job.crop

    list(compare(photo(), mark(), Request(("telea",), seed=3), prepare=stubs(telea=Gives(keep))))  # type: ignore[arg-type]
    assert [job.seed for job in jobs] == [3]
