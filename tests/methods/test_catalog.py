"""The contract of a method, held by every one in the catalog."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from rorem.errors import BadOptions, Cancelled, MissingWeights, Unavailable
from rorem.methods import catalog
from rorem.methods.entry import Entry, State
from rorem.picture import from_rgb_array
from rorem.remover import Fill, Job, Method, OnStep, Options, no_step, remove

IDS = [entry.id for entry in catalog.ENTRIES]
# For what takes several seconds with PowerPaint.
PATIENT_IDS = [pytest.param(id, marks=pytest.mark.soak) if id.startswith("powerpaint") else id for id in IDS]


@pytest.fixture(autouse=True)
def every_method_is_ready(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))


def options(entry: Entry) -> Options:
    """The method's own, but only two steps where it makes many."""
    return entry.parse({"steps": 2} if "steps" in entry.options.model_fields else {})


def texture(width: int, height: int, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((height, width, 3)).astype(np.float32)
    return np.clip(128 + 150 * cv2.GaussianBlur(noise, (0, 0), 1.5), 0, 255).astype(np.uint8)


def job(entry: Entry, width: int = 96, height: int = 80, seed: int = 0) -> Job:
    """A hole in the middle of textured ground. Nothing may be written to: jobs are shared."""
    hole, avoid = np.zeros((2, height, width), bool)
    hole[height // 3 : height // 3 + max(1, height // 4), width // 3 : width // 3 + max(1, width // 4)] = True
    return locked(Job(texture(width, height), hole, avoid, seed, options(entry)))


def locked(one: Job) -> Job:
    for array in (one.crop, one.hole, one.avoid):
        array.setflags(write=False)
    return one


def run(entry: Entry, one: Job, on_step: OnStep = no_step) -> Fill:
    fill = entry.load().remover.fill(one, on_step)
    assert fill.crop.dtype == np.uint8 and fill.crop.shape == one.crop.shape
    assert fill.network_calls >= 0
    assert all(note.endswith(".") for note in fill.notes)
    return fill


def test_ids_are_unique_and_the_default_is_one_of_them() -> None:
    assert len(set(IDS)) == len(IDS)
    assert catalog.DEFAULT in IDS
    assert [catalog.find(id).id for id in IDS] == IDS


@pytest.mark.parametrize("id", IDS)
def test_an_entry_tells_a_visitor_what_it_is(id: str) -> None:
    entry = catalog.find(id)
    assert id == id.lower() and id.replace("-", "").isalnum()
    assert entry.title and entry.summary.endswith(".") and entry.licence and entry.traits.revision
    assert entry.memory > 0 and set(entry.devices) <= {"cpu", "cuda", "mps"} and entry.devices
    assert all(side > 0 for side in entry.traits.native) and entry.traits.multiple >= 1
    assert all(side % entry.traits.multiple == 0 for side in entry.traits.native)
    assert 0 <= entry.traits.grow < 0.1
    assert isinstance(hash(entry.traits), int)


@pytest.mark.parametrize("id", IDS)
def test_the_state_is_known_without_loading(id: str) -> None:
    state = catalog.find(id).state()
    assert state.kind in ("ready", "download", "unavailable")
    assert (state.kind == "ready") == (state.why == "")
    assert state.bytes == 0 or state.kind == "download"


@pytest.mark.parametrize("id", IDS)
def test_every_fallback_ends_at_a_method_that_needs_none(id: str) -> None:
    passed = [id]
    while (fallback := catalog.find(passed[-1]).fallback) != "":
        assert fallback not in passed
        passed.append(fallback)


@pytest.mark.parametrize("id", IDS)
def test_options_are_frozen_complete_and_refuse_what_they_do_not_know(id: str) -> None:
    entry = catalog.find(id)
    options = entry.options()
    assert entry.parse({}) == options == entry.parse(options.model_dump())
    assert hash(options) == hash(entry.options())
    with pytest.raises(BadOptions, match=f"{entry.title}.*no_such_setting"):
        entry.parse({"no_such_setting": 1})
    for name, field in entry.options.model_fields.items():
        assert field.title and field.description, f"{name} needs words for the page"
        with pytest.raises(ValidationError):
            setattr(options, name, getattr(options, name))
        with pytest.raises(BadOptions, match=name) as refused:
            entry.parse({name: object()})
        assert "\n" not in str(refused.value)


def test_a_method_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(Unavailable, match="no-such") as refused:
        catalog.find("no-such")
    assert all(id in refused.value.fix for id in IDS)
    with pytest.raises(Unavailable):
        catalog.load("no-such")


def test_a_bare_machine_has_a_method() -> None:
    assert catalog.default().state().kind == "ready"
    assert catalog.find("telea").state().kind == "ready"


def unable(kind: str) -> Callable[[], State]:
    state = (
        State("download", "It has to be fetched.", 5) if kind == "download" else State("unavailable", "No GPU here.")
    )
    return lambda: state


@pytest.mark.parametrize(("kind", "error"), [("download", MissingWeights), ("unavailable", Unavailable)])
def test_what_cannot_run_says_why_or_has_a_stand_in(
    kind: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    telea = catalog.find("telea")
    alone = replace(telea, traits=replace(telea.traits, id="alone"), title="Alone", probe=unable(kind))
    helped = replace(alone, traits=replace(telea.traits, id="helped"), title="Helped", fallback="telea")
    monkeypatch.setattr(catalog, "ENTRIES", (alone, helped, telea))
    monkeypatch.setattr(catalog, "DEFAULT", "alone")
    with pytest.raises(error) as refused:
        catalog.load("alone")
    assert unable(kind)().why in refused.value.advice  # type: ignore[attr-defined]
    method = catalog.load("helped")
    assert method.traits.id == "telea"
    (note,) = method.notes
    assert "Helped cannot run here" in note and unable(kind)().why in note and telea.title in note
    assert catalog.default().id == "telea"


@pytest.mark.parametrize("id", IDS)
def test_a_loaded_method_has_the_traits_of_its_entry(id: str) -> None:
    method = catalog.load(id)
    entry = catalog.find(id)
    assert isinstance(method, Method) and method.notes == ()
    assert replace(method.traits, revision=entry.traits.revision) == entry.traits
    assert method.traits.revision and ("local" in method.traits.revision) == bool(entry.ways)


@pytest.mark.parametrize("id", IDS)
def test_the_hole_is_filled_and_a_strange_thing_in_it_is_gone(id: str) -> None:
    entry = catalog.find(id)
    one = job(entry)
    crop = one.crop.copy()
    crop[one.hole] = (255, 0, 255)
    fill = run(entry, locked(replace(one, crop=crop)))
    inside = fill.crop[one.hole].astype(int)
    assert not (np.abs(inside - [255, 0, 255]).max(axis=1) < 40).any()
    assert np.abs(inside.mean(axis=0) - one.crop[~one.hole].mean(axis=0)).max() < 40


@pytest.mark.parametrize("id", PATIENT_IDS)
@pytest.mark.parametrize("size", [(96, 80), (700, 640)])
def test_what_lies_under_the_hole_does_not_matter(id: str, size: tuple[int, int]) -> None:
    """The thing must not shine through: whatever lies under the hole, the fill is the same."""
    entry = catalog.find(id)
    one = job(entry, *size)
    fills = []
    for colour in ((255, 0, 255), (0, 0, 0)):
        crop = one.crop.copy()
        crop[one.hole] = colour
        fills.append(run(entry, locked(replace(one, crop=crop))).crop[one.hole])
    assert np.array_equal(*fills)


@pytest.mark.parametrize("id", IDS)
def test_the_same_job_gives_the_same_pixels_and_another_seed_others(id: str) -> None:
    entry = catalog.find(id)
    # 160 px: large enough for the fill to have a choice
    once, again, other = (run(entry, job(entry, 200, 160, seed)).crop for seed in (3, 3, 4))
    assert np.array_equal(once, again)
    assert np.array_equal(once, other) != entry.traits.seeded


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("seed", [0, 2**31, 2**32, 2**40])
def test_any_seed_is_taken(id: str, seed: int) -> None:
    entry = catalog.find(id)
    run(entry, job(entry, seed=seed))


@pytest.mark.parametrize("id", IDS)
def test_progress_is_told_in_order_up_to_the_end(id: str) -> None:
    told: list[tuple[int, int]] = []
    run(catalog.find(id), job(catalog.find(id)), lambda done, total: told.append((done, total)))
    assert told and told == sorted(told)
    assert len({total for _, total in told}) == 1
    assert all(0 <= done <= total for done, total in told) and told[-1][0] == told[-1][1]


@pytest.mark.parametrize("id", IDS)
def test_a_cancel_at_any_step_stops_it_and_the_next_job_runs(id: str) -> None:
    entry = catalog.find(id)
    steps = 0

    def count(done: int, total: int) -> None:
        nonlocal steps
        steps += 1

    whole = run(entry, job(entry), count).crop
    for last in range(1, steps + 1):
        left = last

        def stop(done: int, total: int) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                raise Cancelled

        with pytest.raises(Cancelled):
            run(entry, job(entry), stop)
    assert np.array_equal(run(entry, job(entry)).crop, whole)


@pytest.mark.parametrize("id", IDS)
def test_nothing_is_taken_from_where_it_is_to_be_avoided(id: str) -> None:
    entry = catalog.find(id)
    one = job(entry)
    crop, avoid = one.crop.copy(), one.avoid.copy()
    avoid[:, 60:] = True
    avoid[one.hole] = False
    crop[avoid] = (255, 0, 255)
    inside = run(entry, locked(replace(one, crop=crop, avoid=avoid))).crop[one.hole].astype(int)
    assert not (np.abs(inside - [255, 0, 255]).max(axis=1) < 60).any()


@pytest.mark.parametrize("id", IDS)
def test_where_all_is_to_be_avoided_the_hole_is_filled_all_the_same(id: str) -> None:
    entry = catalog.find(id)
    one = job(entry)
    fill = run(entry, locked(replace(one, avoid=~one.hole)))
    assert fill.notes


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("size", [(2, 1), (1, 2), (1, 60), (60, 1), (5, 5), (9, 200)])
@pytest.mark.parametrize("one_left", [False, True])
def test_small_and_thin_crops_are_filled(id: str, size: tuple[int, int], one_left: bool) -> None:
    entry = catalog.find(id)
    one = job(entry, *size)
    hole = np.ones_like(one.hole) if one_left else one.hole.copy()
    hole[-1, -1] = False
    hole[0, 0] = True
    run(entry, locked(replace(one, hole=hole)))


@pytest.mark.parametrize("id", PATIENT_IDS)
def test_small_photos_stay_exact_on_the_whole_road(id: str) -> None:
    entry = catalog.find(id)
    random = np.random.default_rng(1)
    for width, height in ((2, 2), (1, 40), (33, 1), (70, 50), (160, 120)):
        before = from_rgb_array(texture(width, height))
        mask = np.zeros((height, width), bool)
        row, column = random.integers(height), random.integers(width)
        mask[row : row + 1 + height // 5, column : column + 1 + width // 5] = True
        (removal,) = remove(before, mask, catalog.load(id), options=options(entry))
        different = (removal.picture.colour != before.colour).any(axis=2)
        assert not (different & ~removal.hole).any()
