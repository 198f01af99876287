"""The road of a removal: exact outside the hole, in order, stoppable, and honest about what was done."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem.errors import BadMask, Cancelled, OutOfMemory, RoremError
from rorem.methods import catalog
from rorem.picture import Picture, from_rgb_array, open_picture
from rorem.remover import Job, Options, Removal, Traits, remove
from tests.stubs import MODES, Flat, Flooding, Gives, InPlace, Noise, Shifted, Steps, Stub, changed, method, pictures
from tests.tools.imports import ROOT

NATIVE = {
    "any size": {},
    "native 64": {"native": (64,), "multiple": 8},
    "native 200": {"native": (200,), "multiple": 64},
}


def marked(width: int, height: int, *corners: tuple[int, int, int, int]) -> np.ndarray:
    """bool (height, width) with boxes (left, top, right, bottom) marked."""
    mask = np.zeros((height, width), bool)
    for left, top, right, bottom in corners:
        mask[top:bottom, left:right] = True
    return mask


def photo(width: int = 160, height: int = 120, seed: int = 0) -> Picture:
    return from_rgb_array(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def assert_exact(removal: Removal, mask: np.ndarray) -> np.ndarray:
    """Nothing changed outside the hole, and the hole holds the mark. Returns where anything changed."""
    different = changed(removal.before, removal.picture)
    assert not (different & ~removal.hole).any()
    assert not (mask & ~removal.hole).any()
    return different


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("native", NATIVE)
def test_not_one_value_outside_the_hole_changes(mode: str, native: str) -> None:
    before = pictures(150, 110)[mode]
    mask = marked(150, 110, (0, 0, 9, 12), (60, 40, 90, 70), (149, 100, 150, 110))
    (removal,) = remove(before, mask, method(Noise(), **NATIVE[native]), options=Options())
    different = assert_exact(removal, mask)
    assert different[mask].mean() > 0.2
    assert not removal.hole.all()


@pytest.mark.parametrize("mode", MODES)
def test_with_grow_0_nothing_but_the_mark_changes(mode: str) -> None:
    before = pictures(90, 70)[mode]
    mask = marked(90, 70, (20, 20, 50, 40))
    (removal,) = remove(before, mask, method(Noise(), native=(64,), multiple=8), options=Options(), grow=0)
    assert np.array_equal(removal.hole, mask)
    assert_exact(removal, mask)


@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from(sorted(NATIVE)), st.integers(0, 2**31))
def test_any_mask_on_any_small_picture_is_exact(width: int, height: int, native: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.random((height, width)) < random.choice([0.002, 0.1, 0.6])
    mask[random.integers(height), random.integers(width)] = True
    mask[random.integers(height), random.integers(width)] = False
    if not mask.any():
        return
    before = photo(width, height, seed)
    kept = before.colour.copy()
    stub = Gives(lambda job: np.random.default_rng(job.seed).integers(0, 256, job.crop.shape, np.uint8))
    (removal,) = remove(before, mask, method(stub, **NATIVE[native]), options=Options())
    assert np.array_equal(before.colour, kept)
    assert_exact(removal, mask)


@pytest.mark.parametrize("size", [(2, 1), (1, 2), (1, 400), (400, 1), (3, 3)])
@pytest.mark.parametrize("native", NATIVE)
def test_thin_pictures(size: tuple[int, int], native: str) -> None:
    width, height = size
    mask = marked(width, height, (0, 0, 1, 1))
    (removal,) = remove(photo(width, height), mask, method(Noise(), **NATIVE[native]), options=Options())
    assert_exact(removal, mask)


def test_the_object_is_wholly_replaced() -> None:
    """Where it was marked, nothing of it shines through."""
    before = from_rgb_array(np.zeros((100, 140, 3), np.uint8))
    mask = marked(140, 100, (50, 30, 80, 60))
    (removal,) = remove(before, mask, method(Flat()), options=Options())
    assert (removal.picture.colour[mask] == 40).all()


def test_the_fill_fades_out_towards_the_edge_of_the_hole() -> None:
    before = from_rgb_array(np.zeros((100, 140, 3), np.uint8))
    mask = marked(140, 100, (50, 30, 80, 60))
    (removal,) = remove(before, mask, method(Flat()), options=Options(), grow=9)
    assert removal.picture.colour[45, 80:91, 0].tolist() == [36, 32, 28, 24, 20, 16, 12, 8, 4, 0, 0]


def test_a_method_that_paints_into_its_crop_changes_nothing_else() -> None:
    before, mask = photo(), marked(160, 120, (50, 30, 80, 60))
    kept = before.colour.copy()
    (removal,) = remove(before, mask, method(InPlace()), options=Options())
    assert np.array_equal(before.colour, kept)
    assert_exact(removal, mask)


def test_a_tone_shift_is_not_seen_in_the_result() -> None:
    before = from_rgb_array(np.full((200, 260, 3), 120, np.uint8))
    mask = marked(260, 200, (100, 80, 150, 130))
    for native in NATIVE.values():
        (removal,) = remove(before, mask, method(Shifted(), **native), options=Options())
        assert np.abs(removal.picture.colour.astype(int) - 120).max() <= 1


def test_a_sticker_leaves_no_silhouette_in_the_alpha_channel() -> None:
    alpha = cv2.circle(np.zeros((100, 100), np.uint8), (50, 50), 20, 255, -1)
    before = from_rgb_array(photo(100, 100).colour, alpha)
    mask = cv2.dilate(alpha, np.ones((5, 5), np.uint8)) > 0
    (removal,) = remove(before, mask, method(Noise()), options=Options())
    assert removal.picture.alpha is not None and not removal.picture.alpha.any()


def test_each_cluster_works_on_what_the_ones_before_it_left() -> None:
    stub = Flat()
    mask = marked(1000, 600, (300, 280, 340, 320), (440, 281, 480, 321))
    (removal,) = remove(photo(1000, 600), mask, method(stub, native=(512,)), options=Options())
    assert [window.box.common(removal.windows[0].box).width > 300 for window in removal.windows] == [True, True]
    first, second = stub.jobs
    left, top = removal.windows[1].box[:2]
    assert (second.crop[285 - top : 315 - top, 305 - left : 335 - left] == 40).all()
    assert (removal.picture.colour[mask & (np.arange(1000) < 400)] == 40).all()
    assert (removal.picture.colour[mask & (np.arange(1000) > 400)] == 80).all()
    assert not (first.hole & first.avoid).any()


def test_other_marks_and_what_the_person_names_are_to_be_avoided() -> None:
    stub = Stub()
    mask = marked(1000, 600, (300, 280, 340, 320), (440, 281, 480, 321))
    avoid = marked(1000, 600, (200, 400, 230, 420), (310, 290, 320, 300))
    (removal,) = remove(photo(1000, 600), mask, method(stub, native=(512,)), options=Options(), avoid=avoid)
    for job, window, own in zip(stub.jobs, removal.windows, ((300, 340), (440, 480)), strict=True):
        others = mask & ~((np.arange(1000) >= own[0]) & (np.arange(1000) < own[1]))
        expected = (others | avoid)[window.box.slices] & ~window.hole
        assert expected.sum() > 1600
        assert np.array_equal(job.avoid, expected)


def test_what_is_invisible_is_to_be_avoided() -> None:
    alpha = np.full((100, 100), 255, np.uint8)
    alpha[:20] = 0
    stub = Stub()
    remove(
        from_rgb_array(photo(100, 100).colour, alpha),
        marked(100, 100, (50, 50, 60, 60)),
        method(stub),
        options=Options(),
    )
    assert np.array_equal(stub.jobs[0].avoid, alpha == 0)


def test_candidates_count_their_seeds_up() -> None:
    mask = marked(160, 120, (50, 30, 80, 60))
    found = remove(photo(), mask, method(Noise()), options=Options(), seed=7, candidates=3)
    assert [one.seed for one in found] == [7, 8, 9]
    assert changed(found[0].picture, found[1].picture).any()
    (alone,) = remove(photo(), mask, method(Noise()), options=Options(), seed=8)
    assert np.array_equal(alone.picture.colour, found[1].picture.colour)
    assert [one.score for one in found] == [None] * 3


@pytest.mark.parametrize(("seeded", "candidates", "count"), [(False, 4, 1), (True, 0, 1), (True, 1, 1)])
def test_there_is_always_a_candidate_and_never_the_same_twice(seeded: bool, candidates: int, count: int) -> None:
    mask = marked(160, 120, (50, 30, 80, 60))
    stub = method(Noise(), seeded=seeded)
    assert len(remove(photo(), mask, stub, options=Options(), candidates=candidates)) == count


def test_candidates_come_in_the_order_of_their_rank() -> None:
    seen: list[int] = []

    def rank(removals: Sequence[Removal]) -> list[float]:
        seen.extend(one.seed for one in removals)
        return [{0: 0.2, 1: 0.9, 2: -1.0, 3: 0.9}[one.seed] for one in removals]

    mask = marked(160, 120, (50, 30, 80, 60))
    found = remove(photo(), mask, method(Noise()), options=Options(), candidates=4, rank=rank)
    assert seen == [0, 1, 2, 3]
    assert [(one.seed, one.score) for one in found] == [(1, 0.9), (3, 0.9), (0, 0.2), (2, -1.0)]


def test_a_rank_that_forgets_a_candidate_is_a_fault() -> None:
    with pytest.raises(ValueError, match="zip"):
        remove(
            photo(),
            marked(160, 120, (5, 5, 9, 9)),
            method(Noise()),
            options=Options(),
            candidates=2,
            rank=lambda _: [1.0],
        )


SEVERAL = marked(3000, 200, (100, 100, 120, 120), (1000, 100, 1020, 120), (2800, 100, 2820, 120))


@pytest.mark.parametrize("candidates", [1, 3])
def test_progress_runs_from_nothing_to_all_and_never_back(candidates: int) -> None:
    told: list[tuple[int, int]] = []
    remove(
        photo(3000, 200),
        SEVERAL,
        method(Steps()),
        options=Options(),
        candidates=candidates,
        on_step=lambda done, total: told.append((done, total)),
    )
    done = [one for one, _ in told]
    assert {total for _, total in told} == {1000}
    assert done == sorted(done) and done[0] == 0 and done[-1] == 1000
    assert done.count(1000) <= 3 and len(set(done)) > 100


@pytest.mark.parametrize("after", [1, 2, 40, 120])
def test_a_person_can_stop_the_work(after: int) -> None:
    stub, told = Steps(), []

    def on_step(done: int, total: int) -> None:
        told.append(done)
        if len(told) == after:
            raise Cancelled

    with pytest.raises(Cancelled):
        remove(photo(3000, 200), SEVERAL, method(stub), options=Options(), on_step=on_step)
    assert len(told) == after


@pytest.mark.parametrize(
    "make",
    [
        lambda job: job.crop[1:],
        lambda job: job.crop[..., :1],
        lambda job: job.crop[..., 0],
        lambda job: job.crop.astype(np.float32),
        lambda job: np.dstack([job.crop, job.crop[..., 0]]),
        lambda job: cv2.resize(job.crop, None, fx=2, fy=2),
    ],
)
def test_a_fill_of_another_kind_than_its_crop_is_a_fault(make: Callable[[Job], object]) -> None:
    with pytest.raises(ValueError, match="stub returned"):
        remove(photo(), marked(160, 120, (50, 30, 80, 60)), method(Gives(make)), options=Options())


def out_of_memory(job: Job) -> np.ndarray:
    raise MemoryError


def test_too_little_memory_is_told_in_a_sentence() -> None:
    with pytest.raises(OutOfMemory) as told:
        remove(photo(), marked(160, 120, (50, 30, 80, 60)), method(Gives(out_of_memory)), options=Options())
    assert str(told.value).endswith(".") and told.value.fix


def broken(job: Job) -> np.ndarray:
    raise RuntimeError("the method's own fault")


def test_other_faults_of_a_method_pass_through() -> None:
    with pytest.raises(RuntimeError, match="own fault"):
        remove(photo(), marked(160, 120, (50, 30, 80, 60)), method(Gives(broken)), options=Options())


@pytest.mark.parametrize(
    ("size", "mask"),
    [
        ((30, 20), np.zeros((20, 30), bool)),
        ((30, 20), np.ones((20, 30), bool)),
        ((1, 1), np.ones((1, 1), bool)),
        ((1, 1), np.zeros((1, 1), bool)),
        ((30, 20), np.ones((30, 20), bool)),
        ((30, 20), np.full((20, 30), 255, np.uint8)),
    ],
)
def test_masks_that_say_nothing_are_refused(size: tuple[int, int], mask: np.ndarray) -> None:
    stub = Stub()
    with pytest.raises(BadMask):
        remove(photo(*size), mask, method(stub), options=Options())
    assert not stub.jobs


def test_an_avoided_area_of_another_size_is_refused() -> None:
    mask = marked(160, 120, (50, 30, 80, 60))
    with pytest.raises(BadMask, match="leave alone"):
        remove(photo(), mask, method(Stub()), options=Options(), avoid=mask.T)


def test_a_mark_that_leaves_almost_nothing_still_leaves_something_to_go_by() -> None:
    mask = np.ones((40, 50), bool)
    mask[20, 25] = False
    stub = Stub()
    (removal,) = remove(photo(50, 40), mask, method(stub), options=Options())
    assert np.array_equal(removal.hole, mask)


def test_a_result_says_what_was_done() -> None:
    mask = marked(3000, 200, (100, 100, 160, 160), (2800, 100, 2820, 120))
    stub = method(Noise(), native=(64,), multiple=8, generative=True)
    stub = replace(stub, notes=("A word.",))
    (removal,) = remove(photo(3000, 200), mask, stub, options=Options(), seed=5, grow=3)
    assert (removal.method, removal.revision, removal.seed, removal.protocol) == ("stub", "1", 5, "same pipeline")
    assert removal.network_calls == 4 and removal.generative and removal.notes == ("A word.",)
    assert [window.working for window in removal.windows] == [(64, 41), (64, 46)]
    assert [window.grow for window in removal.windows] == [3, 3]
    assert removal.seconds > 0 and (removal.peak_memory is None or removal.peak_memory > 10**7)
    assert len(removal.patches) == len(removal.windows) == 2


def test_a_saved_result_is_the_result(tmp_path: Path) -> None:
    before, mask = photo(), marked(160, 120, (50, 30, 80, 60))
    (removal,) = remove(before, mask, method(Noise()), options=Options())
    path = tmp_path / "without.png"
    removal.save(path)
    assert np.array_equal(open_picture(path).colour, removal.picture.colour)
    with pytest.raises(ValueError, match="xyz"):
        removal.save(tmp_path / "without.xyz")


def test_twelve_megapixels_stay_exact() -> None:
    before = from_rgb_array(np.tile(photo(400, 300).colour, (10, 10, 1)))
    mask = marked(4000, 3000, (10, 10, 40, 30), (2000, 1500, 2100, 1580), (3990, 2990, 4000, 3000))
    (removal,) = remove(before, mask, method(Noise(), native=(512,), multiple=8), options=Options())
    assert_exact(removal, mask)


@pytest.mark.parametrize("id", [entry.id for entry in catalog.ENTRIES if entry.state().kind == "ready"])
def test_one_megapixel_stays_exact_with_every_method(id: str) -> None:
    before = from_rgb_array(np.tile(photo(120, 100).colour, (9, 10, 1)))
    mask = marked(1200, 900, (600, 400, 640, 430))
    loaded = catalog.load(id)
    (removal,) = remove(before, mask, loaded, options=catalog.find(id).options())
    assert loaded.traits.id == id
    assert_exact(removal, mask)


FIFTY = """
import numpy as np
from rorem.memory import peak_memory
from rorem.methods import catalog
from rorem.picture import from_rgb_array
from rorem.remover import Options, remove
from tests.stubs import Noise, changed, method

before = from_rgb_array(np.tile(np.random.default_rng(0).integers(0, 256, (500, 500, 3), np.uint8), (12, 17, 1)))
mask = np.zeros((6000, 8500), bool)
mask[3000:3080, 4000:4100] = mask[:9, :9] = True
id = {id!r}
loaded = method(Noise(), native=(512,), multiple=8) if id == "noise" else catalog.load(id)
options = Options() if id == "noise" else catalog.find(id).options()
(removal,) = remove(before, mask, loaded, options=options)
different = changed(before, removal.picture)
assert different.any() and not (different & ~removal.hole).any()
print(peak_memory() or 0)
"""


@pytest.mark.soak
@pytest.mark.parametrize("id", ["noise", "telea", "patchmatch"])
def test_fifty_megapixels_stay_exact_in_three_gigabytes(id: str) -> None:
    command = [sys.executable, "-c", FIFTY.format(id=id)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 3_000_000_000


def test_the_traits_of_a_method_are_plain_values() -> None:
    assert Traits("a", "1") == Traits("a", "1")
    assert hash(Traits("a", "1", native=(512,))) == hash(Traits("a", "1", native=(512,)))


def test_a_method_always_has_something_to_go_by() -> None:
    mask = np.ones((600, 600), bool)
    mask[300] = False
    remove(photo(600, 600), mask, method(Stub(), native=(64,)), options=Options(), grow=0)


def test_the_report_names_the_reach_that_was_used() -> None:
    mask = np.ones((40, 50), bool)
    mask[20, 25] = False
    (removal,) = remove(photo(50, 40), mask, method(Stub()), options=Options())
    assert removal.windows[0].grow == 0


def test_an_avoided_area_that_is_no_bool_mask_is_refused() -> None:
    mask = marked(160, 120, (50, 30, 80, 60))
    with pytest.raises(BadMask):
        remove(photo(), mask, method(Noise()), options=Options(), avoid=np.uint8(255) * ~mask)


def test_progress_never_runs_over_its_end() -> None:
    told: list[int] = []
    stub = method(Flooding())
    remove(photo(3000, 200), SEVERAL, stub, options=Options(), on_step=lambda done, total: told.append(done))
    assert told == sorted(told) and told[-1] == max(told) == 1000


def out_of_memory_in_opencv(job: Job) -> np.ndarray:
    raise cv2.error(
        "OpenCV: (-4:Insufficient memory) Failed to allocate 3000000000 bytes in function 'OutOfMemoryError'"
    )


def test_too_little_memory_in_opencv_is_told_in_a_sentence() -> None:
    with pytest.raises(OutOfMemory):
        remove(photo(), marked(160, 120, (50, 30, 80, 60)), method(Gives(out_of_memory_in_opencv)), options=Options())


@pytest.mark.parametrize(("grow", "seed"), [(-3, 0), (None, -1)])
def test_a_negative_number_is_refused_in_a_sentence(grow: int | None, seed: int) -> None:
    mask = marked(160, 120, (5, 5, 9, 9))
    with pytest.raises(RoremError):
        remove(photo(), mask, method(Noise()), options=Options(), grow=grow, seed=seed)


def test_the_reach_is_never_more_than_the_window() -> None:
    stub = method(Stub())
    (removal,) = remove(photo(900, 700), marked(900, 700, (400, 300, 420, 320)), stub, options=Options(), grow=10**9)
    (window,) = removal.windows
    assert window.grow <= window.box.side


def test_what_holds_arrays_can_be_compared_and_hashed() -> None:
    (removal,) = remove(photo(), marked(160, 120, (40, 30, 60, 50)), method(Stub()), options=Options())
    assert removal == removal and removal != replace(removal) and hash(removal)
    assert removal.windows[0] in removal.windows and hash(removal.windows[0])
