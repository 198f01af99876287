"""PowerPaint, from every layout in which it is published, on tiny checkpoints."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionInpaintPipeline
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from rorem.errors import BadWeights, MissingWeights
from rorem.methods import catalog, powerpaint, powerpaint_parts
from rorem.methods.diffusion import Inpainter
from rorem.methods.how import How
from rorem.methods.powerpaint_v1 import PowerPaintOptions
from rorem.nets.folder import variant
from rorem.nets.task_prompts import TASKS, task_encoder, task_ids, task_prompts
from rorem.remover import Job
from tests.checkpoints.parts import VOCABULARY, write_scheduler, write_tokenizer
from tests.checkpoints.powerpaint import (
    TASK_TOKENS,
    write_powerpaint_v1,
    write_powerpaint_v1_original,
    write_powerpaint_v2,
    write_sd15_inpainting,
)

WIDTH, HEIGHT = 128, 64
ROUNDING = 5e-5  # float32 over ten steps, for latents around 5
REPACK, ORIGINAL = ("powerpaint-v1",), ("sd-inpainting", "powerpaint-v1-original")
IDS = ["powerpaint-v1", "powerpaint-v2-1"]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    write_powerpaint_v1(folder / "powerpaint-v1")
    write_powerpaint_v1_original(folder / "powerpaint-v1-original")
    write_sd15_inpainting(folder / "sd-inpainting", seed=11)
    for unneeded in ("unet", "text_encoder"):
        for file in (folder / "sd-inpainting" / unneeded).glob("*.safetensors"):
            file.unlink()
    write_powerpaint_v2(folder / "powerpaint-v2-1")
    return folder


def chosen(weights: Path, names: tuple[str, ...]) -> dict[str, Path]:
    return {name: weights / name for name in names}


@pytest.fixture(scope="module")
def one(weights: Path) -> Inpainter:
    return powerpaint.powerpaint_v1(chosen(weights, REPACK))


@pytest.fixture(scope="module")
def two(weights: Path) -> Inpainter:
    return powerpaint.powerpaint_v2_1(chosen(weights, ("powerpaint-v2-1",)))


@pytest.fixture(params=IDS)
def either(request: pytest.FixtureRequest) -> Inpainter:
    return request.getfixturevalue({"powerpaint-v1": "one", "powerpaint-v2-1": "two"}[request.param])


def scene() -> tuple[np.ndarray, np.ndarray]:
    crop = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[20:45, 30:70] = True
    return crop, hole


def tensors() -> tuple[Tensor, Tensor]:
    crop, hole = scene()
    picture = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
    return picture, torch.from_numpy(hole)[None, None].float()


def job(seed: int = 3, **options: Any) -> Job:
    crop, hole = scene()
    return Job(crop, hole, np.zeros_like(hole), seed, PowerPaintOptions(**{"steps": 3, **options}))


def written_out(text: str, task: str) -> str:
    """As the authors write a task when they hand a prompt to the tokenizer that knows its vectors by name."""
    return " ".join([text, *(name for name in TASK_TOKENS if name.startswith(task))]).strip()


# The words


def test_a_prompt_is_begin_words_ten_numbers_end(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    begin, end, words = VOCABULARY - 2, VOCABULARY - 1, CLIPTokenizer.from_pretrained(tmp_path)("empty scene blur")
    positive, negative, shape = task_ids(
        tmp_path, [("empty scene blur", "P_ctxt"), ("", "P_obj"), ("", "P_shape")], 49408
    ).tolist()
    assert len(words.input_ids) == 5
    assert positive == [*words.input_ids[:-1], *range(49408, 49418), *[end] * 63]
    assert negative == [begin, *range(49428, 49438), *[end] * 66]
    assert shape == [begin, *range(49418, 49428), *[end] * 66]


def test_the_numbers_are_those_of_the_repack_s_own_tokenizer(weights: Path) -> None:
    folder = weights / "powerpaint-v1" / "tokenizer"
    texts = [written_out(text, task) for text, task in powerpaint.TASKS_V1]
    theirs = CLIPTokenizer.from_pretrained(folder)(texts, padding="max_length", max_length=77, return_tensors="pt")
    assert torch.equal(task_ids(folder, powerpaint.TASKS_V1, VOCABULARY), theirs.input_ids)
    assert torch.equal(task_ids(folder, powerpaint.TASKS_V1, 1), theirs.input_ids)  # the folder's list goes first


def test_one_table_is_the_wrapped_one(weights: Path) -> None:
    file = weights / "powerpaint-v1-original" / powerpaint_parts.ENCODER_FILE
    level = "text_model.embeddings.token_embedding"
    held = load_file(file)

    def wrapped(number: int) -> Tensor:
        """As the authors' layer looks a token up."""
        beyond = number - VOCABULARY
        if beyond < 0:
            return held[f"{level}.wrapped.weight"][number]
        return held[f"{level}.trainable_embeddings.{TASKS[beyond // 10]}"][beyond % 10]

    encoder = task_encoder(weights / "sd-inpainting" / "text_encoder", file)
    for number in (0, VOCABULARY - 1, *range(VOCABULARY, VOCABULARY + 30)):
        assert torch.equal(encoder.get_input_embeddings()(torch.tensor(number)), wrapped(number))
    assert encoder.get_input_embeddings().num_embeddings == VOCABULARY + 30


def test_all_layouts_with_the_same_weights_give_the_same_prompts(weights: Path) -> None:
    repacked, original = (powerpaint._prompts_v1(chosen(weights, names)) for names in (REPACK, ORIGINAL))
    for a, b in zip(repacked, original, strict=True):
        assert torch.equal(a.embeds, b.embeds)
    alone, negative, positive = repacked
    assert torch.equal(alone.embeds, positive.embeds) and not torch.equal(negative.embeds, positive.embeds)


def test_all_layouts_with_the_same_weights_give_the_same_fill(one: Inpainter, weights: Path) -> None:
    original = powerpaint.powerpaint_v1(chosen(weights, ORIGINAL))
    assert np.array_equal(one.fill(job()).crop, original.fill(job()).crop)


def test_brushnet_gets_the_tasks_and_the_base_the_words(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = {}

    class Seen(powerpaint.BrushedUNet):
        def __init__(self, unet: Any, prompts: Any, branch: Any, tasks: Any) -> None:
            seen.update(prompts=prompts, tasks=tasks)
            super().__init__(unet, prompts, branch, tasks)

    monkeypatch.setattr(powerpaint, "BrushedUNet", Seen)
    whole = weights / "powerpaint-v2-1"
    powerpaint.powerpaint_v2_1({"powerpaint-v2-1": whole})
    base = whole / powerpaint_parts.BASE_FOLDER
    tokenizer: Any = CLIPTokenizer.from_pretrained(base / "tokenizer")
    plain: Any = CLIPTextModel.from_pretrained(base / "text_encoder")
    own = task_encoder(base / "text_encoder", whole / powerpaint_parts.TASK_ENCODER_FILE)
    wanted = [("empty scene blur", "P_ctxt"), ("", "P_obj"), ("empty scene blur", "P_ctxt")]
    with torch.inference_mode():
        for row, (text, task) in enumerate(wanted):
            ids = tokenizer([text], padding="max_length", max_length=77, return_tensors="pt").input_ids
            assert torch.allclose(seen["prompts"][row].embeds, plain(ids)[0][0], atol=1e-6)
            (expected,) = task_prompts(own, base / "tokenizer", [("", task)])
            assert torch.allclose(seen["tasks"][row].embeds, expected.embeds, atol=1e-6)


# The road


@pytest.mark.parametrize("guidance", [1.0, 10.0])
@pytest.mark.parametrize(("kind", "calls"), [("DDIMScheduler", 10), ("PNDMScheduler", 11)])
def test_the_latents_are_those_of_the_stock_pipeline(
    weights: Path, tmp_path: Path, guidance: float, kind: str, calls: int
) -> None:
    folder = tmp_path / "powerpaint-v1"
    shutil.copytree(weights / "powerpaint-v1", folder)
    write_scheduler(folder / "scheduler", kind, clip_sample=False, set_alpha_to_one=False, skip_prk_steps=True)
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("DDIMScheduler", kind))
    stock = StableDiffusionInpaintPipeline.from_pretrained(folder, local_files_only=True)
    stock.set_progress_bar_config(disable=True)
    crop, hole = scene()
    negative, positive = (written_out(*powerpaint.TASKS_V1[row]) for row in (1, 2))
    made: Any = stock(
        prompt=positive,
        negative_prompt=negative,
        image=Image.fromarray(crop),
        mask_image=Image.fromarray(hole),
        height=HEIGHT,
        width=WIDTH,
        generator=torch.Generator().manual_seed(7),
        num_inference_steps=10,
        guidance_scale=guidance,
        output_type="latent",
    )
    ours = powerpaint.powerpaint_v1({"powerpaint-v1": folder})
    with torch.inference_mode():
        got, count = ours.latents(
            *tensors(), How.asked(PowerPaintOptions(steps=10, guidance=guidance, start="noise"), 7)
        )
    assert count == calls
    assert made.images.std() > 0.5
    assert (made.images - got).abs().max() < ROUNDING * made.images.abs().max()


def test_brushnet_is_shown_black_in_the_hole_and_a_mask_of_what_to_keep(two: Inpainter, weights: Path) -> None:
    picture, mask = tensors()
    vae = AutoencoderKL.from_pretrained(weights / "powerpaint-v2-1" / powerpaint_parts.BASE_FOLDER / "vae")
    crop, hole = scene()
    crop[hole] = 0
    black = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        shown = powerpaint.to_brushnet(two._model, picture, mask, torch.Generator())
        latents = vae.encode(black).latent_dist.mean * vae.config.scaling_factor  # type: ignore[union-attr]
    assert shown.grey is None
    assert (shown.channels[:, :4] - latents).abs().max() < 1e-5
    assert torch.equal(shown.channels[0, 4] == 1, torch.from_numpy(~hole[::8, ::8]))


def test_the_network_calls_are_told_as_they_were_made(either: Inpainter) -> None:
    told: list[tuple[int, int]] = []
    fill = either.fill(job(), lambda done, total: told.append((done, total)))
    assert fill.network_calls == 3 and fill.rung == "full" and fill.notes == ()
    assert told == sorted(told) and told[-1] == (4, 4)
    assert fill.crop.shape == (HEIGHT, WIDTH, 3) and fill.crop.dtype == np.uint8


def test_pndm_makes_one_call_more_and_says_so(weights: Path) -> None:
    inpainter = powerpaint.powerpaint_v1(chosen(weights, REPACK))
    scheduler = {**inpainter._model.scheduler, "_class_name": "PNDMScheduler", "skip_prk_steps": True}
    inpainter._model = replace(inpainter._model, scheduler=scheduler)
    told: list[tuple[int, int]] = []
    assert inpainter.fill(job(), lambda done, total: told.append((done, total))).network_calls == 4
    assert told == sorted(told) and {total for _, total in told} == {5} and told[-1] == (5, 5)


@pytest.mark.parametrize("start", ["masked", "noise"])
def test_nothing_of_the_thing_reaches_the_network(either: Inpainter, start: Any) -> None:
    picture, mask = tensors()
    options = PowerPaintOptions(steps=3, start=start)
    with torch.inference_mode():
        how = replace(How.asked(options, 1), start=start)
        seen, _ = either.latents(picture, mask, how)
        unseen, _ = either.latents(torch.where(mask > 0, -picture, picture), mask, how)
        other, _ = either.latents(torch.where(mask > 0, picture, -picture), mask, how)
    assert torch.equal(seen, unseen) and not torch.equal(seen, other)


def test_the_same_job_gives_the_same_pixels_and_everything_chosen_matters(either: Inpainter) -> None:
    first = either.fill(job()).crop
    assert np.array_equal(first, either.fill(job()).crop)
    for other in (job(seed=4), job(guidance=4.0), job(guidance=1.0), job(steps=5), job(start="noise")):
        assert not np.array_equal(first, either.fill(other).crop)


def test_as_published_the_short_side_is_fixed_and_both_are_multiples_of_eight(either: Inpainter) -> None:
    assert (either._published.side, either._published.steps, either._published.guidance) == (640, 45, 7.5)
    small = Inpainter(either._model, replace(either._published, side=64, steps=2), PowerPaintOptions)
    crop, hole = scene()
    fill = small.fill_published(crop[:50, :73], hole[:50, :73], 0, PowerPaintOptions())
    assert fill.crop.shape == (64, 88, 3) and fill.network_calls == 2


def test_warming_up_runs_with_the_method_s_own_guidance(either: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(either, "fill", lambda job: seen.append(job.options))
    either.warm_up(64)
    assert seen == [PowerPaintOptions(steps=2, guidance=10.0)]


def test_guidance_takes_memory_and_so_does_brushnet(one: Inpainter, two: Inpainter) -> None:
    assert one.appetite(2).network_pixel == 2 * one.appetite().network_pixel < two.appetite(2).network_pixel
    assert one.appetite(2).network < two.appetite(2).network


def test_the_small_decoder_is_asked_for_by_name(either: Inpainter) -> None:
    with pytest.raises(MissingWeights) as missing:
        either.fill(job(steps=1, decoder="tiny"))
    assert missing.value.fix == "Get it with: rorem weights pull taesd"


# The weights


@pytest.mark.parametrize("id", IDS)
def test_the_catalog_finds_and_loads_them(id: str, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = catalog.find(id)
    monkeypatch.setenv("ROREM_WEIGHTS", "/nowhere")
    assert entry.state().kind == "download"
    monkeypatch.setenv("ROREM_WEIGHTS", str(weights))
    assert entry.state().kind == "ready"
    assert entry.options() == PowerPaintOptions(steps=45, guidance=10.0, start="masked")
    assert entry.load().remover.fill(job()).network_calls == 3


def test_the_original_will_do_where_the_repack_is_not(weights: Path, tmp_path: Path, monkeypatch: Any) -> None:
    for name in ORIGINAL:
        (tmp_path / name).symlink_to(weights / name)
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    assert catalog.find("powerpaint-v1").folders() == chosen(tmp_path, ORIGINAL)


def test_half_precision_under_the_names_for_it_loads(tmp_path: Path) -> None:
    write_powerpaint_v1(tmp_path, variant=True)
    assert variant(tmp_path / "unet") == "fp16"
    assert powerpaint.powerpaint_v1({"powerpaint-v1": tmp_path}).fill(job(steps=1)).network_calls == 1


def test_the_text_encoders_are_read_once_in_a_life(weights: Path, tmp_path: Path, monkeypatch: Any) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(weights / "powerpaint-v2-1", copy, ignore=shutil.ignore_patterns(".prompts-*"))
    powerpaint.powerpaint_v2_1({"powerpaint-v2-1": copy})
    assert len(list(copy.rglob(".prompts-*"))) == 2

    def refuse(*_: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr(powerpaint, "task_encoder", refuse)
    monkeypatch.setattr(powerpaint.prompts, "text_encoder", refuse)
    powerpaint.powerpaint_v2_1({"powerpaint-v2-1": copy})


def edit(file: Path, change: Callable[[dict[str, Tensor]], Any]) -> None:
    pickled = file.suffix == ".bin"
    held = torch.load(file) if pickled else load_file(file)
    change(held)
    torch.save(held, file) if pickled else save_file(held, file, metadata={"format": "pt"})


def without(file: str, name: str) -> Callable[[Path], None]:
    return lambda folder: edit(folder / file, lambda held: held.pop(name))


def cut(file: str) -> Callable[[Path], Any]:
    return lambda folder: (folder / file).write_bytes((folder / file).read_bytes()[:-100])


def narrow(folder: Path) -> None:
    name = "text_model.embeddings.token_embedding.trainable_embeddings.P_obj"
    edit(folder / powerpaint_parts.ENCODER_FILE, lambda held: held.update({name: held[name][:9].clone()}))


def listed(content: object) -> Callable[[Path], Any]:
    return lambda folder: (folder / "tokenizer/added_tokens.json").write_text(json.dumps(content))


TABLE = "text_model.embeddings.token_embedding"
INSIDE = powerpaint_parts.BASE_FOLDER
UNET, ENCODER = powerpaint_parts.UNET_FILE, powerpaint_parts.ENCODER_FILE
BRUSHNET, TASK_ENCODER = powerpaint_parts.BRUSHNET_FILE, powerpaint_parts.TASK_ENCODER_FILE
NETWORK = "diffusion_pytorch_model"


@pytest.mark.parametrize(
    ("part", "spoil", "sentence"),
    [
        ("powerpaint-v1", cut(f"vae/{NETWORK}.safetensors"), "AutoencoderKL in .* cannot be read"),
        ("powerpaint-v1", without(f"unet/{NETWORK}.safetensors", "conv_in.bias"), "lacks conv_in.bias"),
        ("powerpaint-v1", listed({"P_obj_0": 99999}), "does not fit its text encoder"),
        ("powerpaint-v1", listed(["P_obj_0"]), "added_tokens.json"),
        ("powerpaint-v1-original", without(UNET, "conv_in.bias"), "unet.safetensors .*conv_in.bias"),
        ("powerpaint-v1-original", cut(ENCODER), "text_encoder.safetensors is damaged"),
        ("powerpaint-v1-original", without(ENCODER, f"{TABLE}.wrapped.weight"), "wrapped.weight"),
        ("powerpaint-v1-original", without(ENCODER, "text_model.final_layer_norm.bias"), "lacks 1"),
        ("powerpaint-v1-original", narrow, r"P_obj is \(9, 16\) beside"),
        ("sd-inpainting", lambda folder: (folder / "unet/config.json").write_text("{"), "configuration in .*unet"),
        ("sd-inpainting", lambda folder: (folder / "text_encoder/config.json").unlink(), "text_encoder"),
        ("powerpaint-v2-1", cut(BRUSHNET), "diffusion_pytorch_model.safetensors is damaged"),
        ("powerpaint-v2-1", without(BRUSHNET, "conv_in_condition.bias"), "lacks 1 .*conv_in.bias"),
        ("powerpaint-v2-1", cut(TASK_ENCODER), "pytorch_model.bin is damaged"),
        ("powerpaint-v2-1", without(TASK_ENCODER, f"{TABLE}.trainable_embeddings.P_ctxt"), "P_ctxt"),
        ("powerpaint-v2-1", cut(f"{INSIDE}/unet/{NETWORK}.bin"), "UNet2DConditionModel in .* cannot be read"),
        ("powerpaint-v2-1", lambda folder: (folder / INSIDE / "scheduler/scheduler_config.json").unlink(), "scheduler"),
    ],
)
def test_bad_weights_are_named_in_one_sentence(
    weights: Path, tmp_path: Path, part: str, spoil: Callable[[Path], None], sentence: str
) -> None:
    names = next(names for names in (REPACK, ORIGINAL, ("powerpaint-v2-1",)) if part in names)
    for name in names:
        shutil.copytree(weights / name, tmp_path / name, ignore=shutil.ignore_patterns(".prompts-*"))
    spoil(tmp_path / part)
    load = powerpaint.powerpaint_v2_1 if part == "powerpaint-v2-1" else powerpaint.powerpaint_v1
    with pytest.raises(BadWeights, match=sentence) as refused:
        load(chosen(tmp_path, names))
    assert "\n" not in str(refused.value)
