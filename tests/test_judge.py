"""The judge: the same score each time, whole against what is published, and the best of several first."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from PIL import Image
from safetensors.torch import load_file, save_file

import rorem
from rorem import judge, remover
from rorem.errors import BadMask, BadPicture, BadWeights, MissingWeights, Unavailable
from rorem.judge import Judge, Score, Triplet
from rorem.nets import discriminator
from rorem.picture import from_rgb_array
from rorem.remover import Options, Removal
from tests import stubs
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.sdxl import write_lcm_lora, write_sdxl

LORA, HEAD = "pytorch_lora_weights.safetensors", "cls_pred_branch.pt"
ROUNDING = 5e-4  # of float32, summed in another order; the tiny head's norms, of two values each, enlarge it


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for ROREM_WEIGHTS with all that the judge needs."""
    folder = tmp_path_factory.mktemp("weights")
    write_sdxl(folder / "sdxl-inpainting")
    write_discriminator(folder / "rorem-discriminator", folder / "sdxl-inpainting" / "unet")
    return folder


@pytest.fixture(scope="module")
def loaded(weights: Path) -> Judge:
    return judge.load(environment(weights))


@pytest.fixture
def here(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process has the weights, and forgets the judge afterwards."""
    for name, value in environment(weights).items():
        monkeypatch.setenv(name, value)
    yield
    judge._judges.clear()


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has no weights."""
    monkeypatch.delenv("ROREM_WEIGHTS", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


def environment(weights: Path) -> dict[str, str]:
    return {"ROREM_WEIGHTS": str(weights), "ROREM_DEVICE": "cpu"}


def triplet(seed: int, width: int = 400, height: int = 300) -> Triplet:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (2, 6, 8, 3), np.uint8)
    source, result = (np.array(Image.fromarray(one).resize((width, height))) for one in coarse)
    mask = np.zeros((height, width), bool)
    mask[height // 5 : height // 2, width // 4 : width // 2] = True
    return source, mask, result


def test_a_score_is_the_same_each_time_and_anywhere(loaded: Judge, weights: Path) -> None:
    first = loaded.score(*triplet(0))
    assert first == loaded.score(*triplet(0)) == judge.load(environment(weights)).score(*triplet(0))
    assert first.raw > 0 and first.probability is None and first.calibration is None
    assert first != loaded.score(*triplet(1))


def test_a_batch_is_its_triplets_one_by_one(loaded: Judge) -> None:
    triplets = [triplet(seed, 200 + 50 * seed, 300) for seed in range(3)]
    alone = [loaded.score(*one).raw for one in triplets]
    assert np.ptp(alone) > 20 * ROUNDING  # else anything would be equal
    for batch in (1, 2, 64):
        assert [one.raw for one in loaded.scores(triplets, batch=batch)] == pytest.approx(alone, abs=ROUNDING)
    assert loaded.scores([]) == []


def test_noise_is_repeatable_under_its_seed(loaded: Judge) -> None:
    triplets = [triplet(seed) for seed in range(3)]
    noisy = [one.raw for one in loaded.scores(triplets, noise_seed=7)]
    assert noisy == [one.raw for one in loaded.scores(triplets, noise_seed=7)]
    alone = [loaded.score(*one, noise_seed=7).raw for one in triplets]
    assert alone == pytest.approx(noisy, abs=ROUNDING)
    for other in (loaded.scores(triplets, noise_seed=8), loaded.scores(triplets)):
        assert min(abs(one.raw - there) for one, there in zip(other, noisy, strict=True)) > ROUNDING


@pytest.mark.parametrize("noise_seed", [None, 3])
@torch.inference_mode()
def test_pictures_go_in_as_they_do_in_the_published_code(loaded: Judge, weights: Path, noise_seed: int | None) -> None:
    """PIL's default filter, the mask cut at one half and nearest, latents of the whole source and of the result."""
    source, mask, result = triplet(2)
    vae: Any = AutoencoderKL.from_pretrained(weights / "sdxl-inpainting" / "vae")
    generator = None if noise_seed is None else torch.Generator().manual_seed(noise_seed)

    def latents(picture: np.ndarray) -> torch.Tensor:
        small = np.array(Image.fromarray(picture).resize((512, 512)), np.float32)
        posterior = vae.encode(torch.from_numpy(small / 127.5 - 1).permute(2, 0, 1)[None]).latent_dist
        return 0.13025 * (posterior.mode() if generator is None else posterior.sample(generator))

    edited = latents(result)
    if generator is not None:
        edited = edited + 0.0292 * torch.randn(edited.shape, generator=generator)
    soft = np.array(Image.fromarray(mask.astype(np.uint8) * 255).resize((512, 512)), np.float32) / 255
    hole = F.interpolate(torch.from_numpy(soft >= 0.5)[None, None].float(), size=(64, 64))
    expected = loaded._network(edited, hole, latents(source))
    assert loaded.score(source, mask, result, noise_seed).raw == pytest.approx(expected.item(), abs=1e-4)


def test_both_published_layouts_of_the_head_give_the_same_score(loaded: Judge, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "sdxl-inpainting").symlink_to(weights / "sdxl-inpainting")
    write_discriminator(tmp_path / "rorem-discriminator", weights / "sdxl-inpainting" / "unet", mirror=True)
    assert judge.load(environment(tmp_path)).score(*triplet(0)) == loaded.score(*triplet(0))


def test_an_untrained_head_is_a_note(loaded: Judge, weights: Path, tmp_path: Path) -> None:
    (tmp_path / "sdxl-inpainting").symlink_to(weights / "sdxl-inpainting")
    write_discriminator(tmp_path / "rorem-discriminator", weights / "sdxl-inpainting" / "unet", trained=False)
    assert judge.load(environment(tmp_path)).notes == (judge.UNTOUCHED,)
    assert loaded.notes == ()


def test_threads_do_not_disturb_each_other(loaded: Judge) -> None:
    triplets = [triplet(seed) for seed in range(3)]
    alone = [loaded.score(*one) for one in triplets]
    found: dict[int, Score] = {}

    def ask(index: int) -> None:
        found[index] = loaded.score(*triplets[index])

    threads = [threading.Thread(target=ask, args=(index,)) for index in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[index] for index in range(3)] == alone


def test_what_was_given_is_not_changed(loaded: Judge) -> None:
    given, kept = triplet(0), triplet(0)
    loaded.score(*given)
    assert all(map(np.array_equal, given, kept))


@pytest.mark.parametrize(
    ("score", "accepted", "rule"),
    [
        (Score(0.95), True, "raw >= 0.9 (published, not calibrated)"),
        (Score(0.7), False, "raw >= 0.9 (published, not calibrated)"),
        (Score(0.1, 0.6, "round-1"), True, "probability >= 0.5 (calibration round-1)"),
        (Score(2.0, 0.4, "round-1"), False, "probability >= 0.5 (calibration round-1)"),
    ],
)
def test_a_threshold_is_one_of_the_probability(score: Score, accepted: bool, rule: str) -> None:
    assert score.accepts(0.5) is accepted and score.rule(0.5) == rule


@pytest.mark.parametrize(
    ("change", "error", "word"),
    [
        ({"result": np.zeros((300, 401, 3), np.uint8)}, BadPicture, "401 x 300"),
        ({"source": np.zeros((300, 400), np.uint8)}, BadPicture, "8 bits"),
        ({"result": np.zeros((300, 400, 3))}, BadPicture, "8 bits"),
        ({"mask": np.ones((300, 401), bool)}, BadMask, "does not fit"),
        ({"mask": np.ones((300, 400), np.uint8)}, BadMask, "does not fit"),
    ],
)
def test_what_is_no_triplet_is_refused(
    change: dict[str, np.ndarray], error: type[Exception], word: str, loaded: Judge
) -> None:
    given: dict[str, Any] = dict(zip(("source", "mask", "result"), triplet(0), strict=True)) | change
    with pytest.raises(error, match=word):
        loaded.score(**given)


def test_missing_weights_say_how_to_get_them(weights: Path, tmp_path: Path) -> None:
    nothing = {"HF_HOME": str(tmp_path)}
    with pytest.raises(MissingWeights, match=r"discriminator of RORem and SDXL for inpainting") as raised:
        judge.load(nothing)
    assert raised.value.fix.endswith("rorem weights pull judge")
    half = tmp_path / "half"
    half.mkdir()
    (half / "sdxl-inpainting").symlink_to(weights / "sdxl-inpainting")
    with pytest.raises(MissingWeights, match=r"\(the discriminator of RORem\)"):
        judge.load({**nothing, "ROREM_WEIGHTS": str(half)})


def test_missing_packages_are_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "PACKAGES", ("torch", "surely_not_there"))
    with pytest.raises(Unavailable, match="surely_not_there"):
        judge.load(environment(weights))


def damaged(weights: Path, folder: Path) -> Path:
    """A copy in which the discriminator can be changed."""
    (folder / "sdxl-inpainting").symlink_to(weights / "sdxl-inpainting")
    write_discriminator(folder / "rorem-discriminator", weights / "sdxl-inpainting" / "unet")
    return folder / "rorem-discriminator"


def test_a_lora_of_another_model_is_refused(weights: Path, tmp_path: Path) -> None:
    folder = damaged(weights, tmp_path)
    write_lcm_lora(folder, weights / "sdxl-inpainting" / "unet")
    with pytest.raises(BadWeights, match="LoRA for another network"):
        judge.load(environment(tmp_path))


def test_weights_that_are_no_numbers_are_refused(weights: Path, tmp_path: Path) -> None:
    folder = damaged(weights, tmp_path)
    lora = load_file(folder / LORA)
    next(iter(lora.values()))[0, 0] = float("nan")
    save_file(lora, folder / LORA)
    with pytest.raises(BadWeights, match="no numbers"):
        judge.load(environment(tmp_path))


def test_a_score_that_is_no_number_is_never_told(loaded: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        discriminator.Discriminator, "forward", lambda network, result, mask, source: result[:, 0, 0, 0] * float("nan")
    )
    with pytest.raises(Unavailable, match="overflowed"):
        loaded.score(*triplet(0))


def removals(count: int, width: int = 400, height: int = 300, marks: int = 1) -> list[Removal]:
    """Candidates of noise, with so many marks far from each other."""
    source, _, _ = triplet(0, width, height)
    mask = np.zeros((height, width), bool)
    for index in range(marks):
        left = 40 + index * (width - 120) // max(1, marks - 1)
        mask[100:140, left : left + 40] = True
    method = stubs.method(stubs.Noise())
    return remover.remove(from_rgb_array(source), mask, method, options=Options(), candidates=count)


def test_rank_judges_the_place_and_not_the_whole_photo(loaded: Judge) -> None:
    """Of a large photo what counts is a square around the hole, before and after."""
    (removal,) = removals(1, width=2400, height=900)
    before, after, hole = (one[0:512, 0:512] for one in (removal.before.colour, removal.picture.colour, removal.hole))
    box = removal.windows[0].box
    assert box.right <= 512 and box.bottom <= 512
    assert loaded.rank([removal]) == pytest.approx([loaded.score(before, hole, after).raw], abs=ROUNDING)


def test_a_removal_is_as_good_as_its_worst_place(loaded: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    found = removals(2, width=3000, height=400, marks=2)
    assert [len(one.windows) for one in found] == [2, 2]
    raw = loaded._raw((view for one in found for view in judge._views(one)), 1)
    assert loaded.rank(found) == pytest.approx([min(raw[:2]), min(raw[2:])], abs=ROUNDING)
    assert loaded.rank([]) == []


def test_one_published_way_is_judged_whole(loaded: Judge) -> None:
    (removal,) = removals(1)
    small = triplet(5, 512, 512)[2]
    whole = replace(removal, published=small, patches=())
    resized = np.array(Image.fromarray(removal.before.colour).resize((512, 512)))
    mask = np.array(Image.fromarray(removal.hole.astype(np.uint8) * 255).resize((512, 512))) >= 128
    assert loaded.rank([whole]) == pytest.approx([loaded.score(resized, mask, small).raw], abs=ROUNDING)


@pytest.mark.usefixtures("here")
def test_the_best_comes_first() -> None:
    found = removals(4)
    ordered = judge.best_first(found)
    scores = [one.score or 0.0 for one in ordered]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 4
    assert {one.seed for one in ordered} == {0, 1, 2, 3}
    assert [one.seed for one in ordered] != [one.seed for one in found] or scores[0] > scores[-1]
    again = judge.shared().rank([one for one in found if one.seed == ordered[0].seed])
    assert again == pytest.approx(scores[:1], abs=ROUNDING)


@pytest.mark.usefixtures("here")
def test_the_judge_is_loaded_once() -> None:
    assert judge.shared() is judge.shared()


@pytest.mark.usefixtures("here")
def test_the_library_puts_versions_into_order() -> None:
    source, mask, _ = triplet(0, 96, 72)
    found = rorem.remove(source, mask, candidates=3)
    scores = [one.score or 0.0 for one in found]
    assert scores == sorted(scores, reverse=True) and all(scores)
    assert not any(judge.UNRANKED in note for one in found for note in one.notes)
    plain = rorem.remove(source, mask, candidates=3, rank=None)
    assert [one.seed for one in plain] == [0, 1, 2] and plain[0].score is None


@pytest.mark.usefixtures("nowhere")
def test_a_note_says_that_nobody_judged() -> None:
    source, mask, _ = triplet(0, 96, 72)
    found = rorem.remove(source, mask, candidates=2)
    assert [one.seed for one in found] == [0, 1]
    for one in found:
        assert one.score is None
        assert sum(note.startswith(judge.UNRANKED) and "rorem weights pull judge" in note for note in one.notes) == 1
    for quiet in (rorem.remove(source, mask), rorem.remove(source, mask, candidates=2, rank=None)):
        assert not any(judge.UNRANKED in note for one in quiet for note in one.notes)


def test_a_broken_judge_costs_no_result(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (damaged(weights, tmp_path) / HEAD).write_bytes(b"no weights")
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    source, mask, _ = triplet(0, 96, 72)
    found = rorem.remove(source, mask, candidates=2)
    assert [one.seed for one in found] == [0, 1]
    assert all("is damaged" in one.notes[-1] for one in found)


def test_importing_it_is_light() -> None:
    code = "import sys, rorem.judge; print([name for name in ('torch', 'diffusers') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
