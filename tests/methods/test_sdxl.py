"""RORem and its family against the stock pipeline, on tiny checkpoints in the published layouts."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import LCMScheduler, StableDiffusionXLInpaintPipeline
from PIL import Image
from safetensors.torch import load_file, save_file

from rorem.errors import BadWeights, Cancelled, MissingWeights, OutOfMemory
from rorem.methods import ladder, sdxl
from rorem.methods.diffusion import Inpainter
from rorem.methods.how import How
from rorem.methods.recipe import NEGATIVE, POSITIVE, DiffusionOptions, FewStepOptions
from rorem.remover import Job
from rorem.weights import revision_of
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.sdxl import write_lcm_lora, write_sdxl, write_tiny_decoder, write_unet

WIDTH, HEIGHT = 192, 128
ROUNDING = 1e-5  # of float32 over ten steps, as a share of the largest latent


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    write_sdxl(folder / "sdxl-inpainting")
    write_unet(folder / "rorem-unet", sharded=True)
    write_lcm_lora(folder / "rorem-lcm-lora", folder / "rorem-unet")
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def base(folders: dict[str, Path]) -> Inpainter:
    return sdxl.sdxl_inpainting(folders)


@pytest.fixture(scope="module")
def four(folders: dict[str, Path]) -> Inpainter:
    return sdxl.rorem_4s(folders)


@pytest.fixture(scope="module")
def stock(folders: dict[str, Path]) -> StableDiffusionXLInpaintPipeline:
    pipeline = StableDiffusionXLInpaintPipeline.from_pretrained(
        folders["sdxl-inpainting"], local_files_only=True, add_watermarker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def scene() -> tuple[np.ndarray, np.ndarray]:
    crop = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    hole = np.zeros((HEIGHT, WIDTH), bool)
    hole[40:80, 50:100] = True
    return crop, hole


def job(options: DiffusionOptions, seed: int = 3) -> Job:
    crop, hole = scene()
    return Job(crop, hole, np.zeros_like(hole), seed, options)


def tensors() -> tuple[torch.Tensor, torch.Tensor]:
    crop, hole = scene()
    picture = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
    return picture, torch.from_numpy(hole)[None, None].float()


def how(options: DiffusionOptions, seed: int, start: Any, strength: float = 1.0) -> How:
    return replace(How.asked(options, seed), start=start, strength=strength)


def of_the_stock(pipeline: StableDiffusionXLInpaintPipeline, **settings: Any) -> torch.Tensor:
    crop, hole = scene()
    made: Any = pipeline(
        image=Image.fromarray(crop),
        mask_image=Image.fromarray(hole),
        height=HEIGHT,
        width=WIDTH,
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
        **settings,
    )
    return made.images


@pytest.mark.parametrize("guidance", [1.0, 6.0])
@pytest.mark.parametrize(("start", "strength", "calls"), [("noise", 1.0, 10), ("source", 0.99, 9)])
def test_the_latents_are_those_of_the_stock_pipeline(
    base: Inpainter,
    stock: StableDiffusionXLInpaintPipeline,
    guidance: float,
    start: Any,
    strength: float,
    calls: int,
) -> None:
    prompts = {"prompt": POSITIVE, "negative_prompt": NEGATIVE} if guidance > 1 else {"prompt": ""}
    expected = of_the_stock(stock, num_inference_steps=10, strength=strength, guidance_scale=guidance, **prompts)
    options = DiffusionOptions(steps=10, guidance=guidance)
    with torch.inference_mode():
        got, made = base.latents(*tensors(), how(options, 7, start, strength))
    assert made == calls
    assert expected.std() > 1
    assert (expected - got).abs().max() < ROUNDING * float(expected.abs().max())


@pytest.mark.parametrize(("start", "strength", "calls"), [("noise", 1.0, 4), ("source", 0.99, 3)])
def test_four_steps_are_those_of_the_stock_pipeline_with_the_lora_merged(
    four: Inpainter, folders: dict[str, Path], start: Any, strength: float, calls: int
) -> None:
    from diffusers import UNet2DConditionModel

    pipeline = StableDiffusionXLInpaintPipeline.from_pretrained(
        folders["sdxl-inpainting"],
        unet=UNet2DConditionModel.from_pretrained(folders["rorem-unet"]),
        local_files_only=True,
        add_watermarker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    lora = load_file(folders["rorem-lcm-lora"] / sdxl.LORA_FILE)
    renamed = {name.replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): t for name, t in lora.items()}
    pipeline.unet.load_lora_adapter(renamed, prefix="unet")
    pipeline.unet.fuse_lora()
    pipeline.scheduler = LCMScheduler.from_config(pipeline.scheduler.config)
    expected = of_the_stock(pipeline, prompt="", num_inference_steps=4, strength=strength, guidance_scale=1.0)
    with torch.inference_mode():
        got, made = four.latents(*tensors(), how(FewStepOptions(), 7, start, strength))
    assert made == calls
    assert (expected - got).abs().max() < 2e-3 * float(expected.abs().max())  # merging rounds


def test_four_steps_are_four_calls_and_three_as_published(four: Inpainter) -> None:
    fill = four.fill(job(FewStepOptions()))
    assert fill.network_calls == 4 and fill.rung == "full" and fill.notes == ()
    published = four.fill_published(*scene(), 3, FewStepOptions())
    assert published.network_calls == 3 and published.crop.shape == (512, 512, 3)


def test_guidance_really_switches_guidance_on(base: Inpainter) -> None:
    plain, guided, more = (
        base.fill(job(DiffusionOptions(steps=4, guidance=guidance))).crop.astype(int) for guidance in (1.0, 4.0, 9.0)
    )
    assert (plain != guided).any() and (guided != more).any()


@pytest.mark.parametrize("start", ["masked", "noise"])
def test_nothing_of_the_thing_reaches_the_network(base: Inpainter, start: Any) -> None:
    picture, mask = tensors()
    options = DiffusionOptions(steps=4, start=start)
    with torch.inference_mode():
        seen, _ = base.latents(picture, mask, how(options, 1, start))
        unseen, _ = base.latents(torch.where(mask > 0, -picture, picture), mask, how(options, 1, start))
        leaking, _ = base.latents(picture, mask, how(options, 1, "source", 0.99))
        leaked, _ = base.latents(torch.where(mask > 0, -picture, picture), mask, how(options, 1, "source", 0.99))
    assert torch.equal(seen, unseen)
    assert not torch.equal(leaking, leaked)  # the published start shows the thing; this is why it is not ours


def test_a_stop_comes_within_one_step(base: Inpainter) -> None:
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        base.fill(job(DiffusionOptions(steps=50)), stop)
    assert calls == [0, 1, 2]
    assert base.fill(job(DiffusionOptions(steps=2))).network_calls == 2


def test_a_whole_folder_loads_as_rorem_does_in_half_precision_and_with_the_names_of_variants(tmp_path: Path) -> None:
    write_sdxl(tmp_path / "plain", dtype=torch.float16)
    write_sdxl(tmp_path / "variant", variant=True, dtype=torch.float16)
    fills = [
        sdxl.rorem({"rorem": tmp_path / name}).fill(job(DiffusionOptions(steps=2))).crop
        for name in ("plain", "variant")
    ]
    assert np.array_equal(fills[0], fills[1])


def test_the_text_encoders_are_loaded_once_in_a_life(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "sdxl-inpainting"
    shutil.copytree(folders["sdxl-inpainting"], own, ignore=shutil.ignore_patterns(".prompts-*"))
    loads: list[Path] = []
    original = sdxl.prompts.text_encoder

    def counted(folder: Path, kind: Any) -> Any:
        loads.append(folder)
        return original(folder, kind)

    monkeypatch.setattr(sdxl.prompts, "text_encoder", counted)
    first = sdxl.constant_prompts(own)
    again = sdxl.constant_prompts(own)
    assert len(loads) == 2 and list(own.glob(".prompts-*.safetensors"))
    assert all(torch.equal(a.embeds, b.embeds) for a, b in zip(first, again, strict=True))
    next(own.glob(".prompts-*.safetensors")).write_bytes(b"damaged")
    sdxl.constant_prompts(own)
    assert len(loads) == 4
    write_sdxl(own, seed=9)  # other encoders: other prompts
    assert not torch.equal(sdxl.constant_prompts(own)[1].embeds, first[1].embeds)


def test_prompts_are_kept_elsewhere_if_the_weights_cannot_be_written_to(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = folders["sdxl-inpainting"]
    monkeypatch.setattr(sdxl.prompts.os, "access", lambda path, mode: not Path(path).is_relative_to(base))
    made = []
    make: Callable[[], Any] = lambda: made.append(1) or sdxl.prompts.sdxl_prompts(base, ("other",))  # noqa: E731
    for _ in range(2):
        sdxl.prompts.kept([base / "text_encoder"], ("other",), make, tmp_path / "spare")
    assert made == [1] and len(list((tmp_path / "spare").iterdir())) == 1


def test_memory_that_is_short_is_made_do_with(base: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    big = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    hole = np.zeros((512, 512), bool)
    hole[200:300, 200:300] = True
    work = Job(big, hole, np.zeros_like(hole), 0, DiffusionOptions(steps=1))
    appetite = base.appetite()
    seen = set()
    for rung in ladder.rungs(512, False):
        room = appetite.of(rung, ladder.pixels(rung, 512, 512))
        highest = ladder.fitting(ladder.rungs(512, False), appetite, 512, 512, room)[0]
        monkeypatch.setenv("ROREM_MEMORY", str(room))
        fill = base.fill(work)
        assert fill.rung == highest.name
        assert fill.crop.shape == big.shape
        assert bool(fill.notes) == (fill.rung != "full")
        assert fill.working == ((highest.side, highest.side) if highest.side else None)
        seen.add(fill.rung)
    assert {"full", "autoencoder in tiles"} <= seen
    monkeypatch.setenv("ROREM_MEMORY", "1KB")
    with pytest.raises(OutOfMemory, match="at least") as refused:
        base.fill(work)
    assert "patchmatch" in refused.value.fix


def test_a_rung_that_fails_is_left_for_the_next(base: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    paint, tried = Inpainter._paint, []

    def failing(self: Inpainter, *arguments: Any) -> Any:
        tried.append(self._model.vae.model.use_tiling)
        if len(tried) == 1:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory")
        return paint(self, *arguments)

    monkeypatch.setattr(Inpainter, "_paint", failing)
    fill = base.fill(job(DiffusionOptions(steps=1)))
    assert tried == [False, True] and fill.rung == "autoencoder in tiles"


def test_numbers_that_overflow_are_worked_out_again(base: Inpainter) -> None:
    model = copy.deepcopy(base._model.vae.model)
    small = sdxl.Vae(model, torch.device("cpu"), torch.bfloat16)
    original = small.model.decode

    def overflowing(z: torch.Tensor) -> Any:
        made = original(z)
        return replace(made, sample=made.sample * float("inf")) if z.dtype == torch.bfloat16 else made

    small.model.decode = overflowing  # type: ignore[method-assign]
    assert small.decode(torch.zeros(1, 4, 8, 8)).isfinite().all()
    assert small.dtype == torch.float32


def test_a_network_that_overflows_goes_on_in_float32(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ROREM_DTYPE", "bfloat16")
    narrow = sdxl.sdxl_inpainting(folders)
    original, seen = narrow._runner.unet.forward, []

    def overflowing(sample: torch.Tensor, *rest: Any) -> torch.Tensor:
        seen.append(sample.dtype)
        return original(sample, *rest) * (float("inf") if sample.dtype == torch.bfloat16 else 1)

    monkeypatch.setattr(narrow._runner.unet, "forward", overflowing)
    fill = narrow.fill(job(DiffusionOptions(steps=2)))
    assert seen == [torch.bfloat16] * 2 + [torch.float32] * 2
    assert fill.crop.std() > 1 and "goes on in float32" in caplog.text
    assert narrow.fill(job(DiffusionOptions(steps=1))).network_calls == 1 and seen[-1] == torch.float32


def test_the_small_decoder_decodes(base: Inpainter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tiny_decoder(tmp_path / "taesdxl")
    monkeypatch.setenv("ROREM_WEIGHTS", str(tmp_path))
    full, small = (base.fill(job(DiffusionOptions(steps=1, decoder=name))).crop for name in ("full", "tiny"))
    assert small.shape == full.shape and (small != full).any()
    base._small = None


def test_the_small_decoder_is_asked_for_by_name(base: Inpainter) -> None:
    told: list[int] = []
    with pytest.raises(MissingWeights) as missing:
        base.fill(job(DiffusionOptions(steps=1, decoder="tiny")), lambda done, total: told.append(done))
    assert told == [0]  # before any work
    assert "rorem weights pull taesdxl" in missing.value.fix


def spoilt(folders: dict[str, Path], tmp_path: Path, part: str, spoil: Callable[[Path], None]) -> dict[str, Path]:
    copies = {name: tmp_path / name for name in folders}
    for name, folder in folders.items():
        shutil.copytree(folder, copies[name])
    spoil(copies[part])
    return copies


def edit(file: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, metadata={"format": "pt"})


def truncated(folder: Path) -> None:
    file = folder / "vae" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def unnamed(folder: Path) -> None:
    edit(folder / "unet" / "diffusion_pytorch_model.safetensors", lambda t: t.update(odd=t.pop("conv_in.weight")))


def not_numbers(folder: Path) -> None:
    edit(folder / "unet" / "diffusion_pytorch_model.safetensors", lambda t: t["conv_in.bias"].fill_(float("nan")))


def four_channels(folder: Path) -> None:
    file = folder / "unet" / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"in_channels": 4}))
    edit(
        folder / "unet" / "diffusion_pytorch_model.safetensors",
        lambda t: t.update({"conv_in.weight": t["conv_in.weight"][:, :4].contiguous()}),
    )


def no_scheduler(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").write_text("{")


def strange_scheduler(folder: Path) -> None:
    (folder / "scheduler" / "scheduler_config.json").write_text('{"_class_name": "FancyScheduler"}')


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (truncated, "AutoencoderKL in .*vae cannot be read"),
        (unnamed, r"lacks conv_in.weight \(1 in all\) and holds odd instead"),
        (not_numbers, "conv_in.bias in .* not numbers"),
        (four_channels, "not one of SDXL for inpainting"),
        (no_scheduler, "scheduler_config.json"),
        (strange_scheduler, "FancyScheduler"),
        (lambda folder: shutil.rmtree(folder / "vae"), "should hold a AutoencoderKL"),
        (lambda folder: (folder / "tokenizer" / "vocab.json").write_text("no"), "tokenizer"),
        (lambda folder: (folder / "text_encoder" / "model.safetensors").write_bytes(b""), "text encoder"),
    ],
)
def test_bad_weights_are_named_in_one_sentence(
    folders: dict[str, Path], tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    copies = spoilt(folders, tmp_path, "sdxl-inpainting", spoil)
    for kept in copies["sdxl-inpainting"].glob(".prompts-*"):
        kept.unlink()
    with pytest.raises(BadWeights, match=sentence) as refused:
        sdxl.sdxl_inpainting(copies).fill(job(DiffusionOptions(steps=1)))
    assert "\n" not in str(refused.value)


def test_a_lora_for_another_model_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    def foreign(folder: Path) -> None:
        tensors = load_file(folder / sdxl.LORA_FILE)
        renamed = {name.replace("mid_block", "no_block"): tensor for name, tensor in tensors.items()}
        save_file(renamed, folder / sdxl.LORA_FILE, metadata={"format": "pt"})

    with pytest.raises(BadWeights, match=r"rorem-lcm-lora/.*another network: there is no no_block"):
        sdxl.rorem_4s(spoilt(folders, tmp_path, "rorem-lcm-lora", foreign))


def test_a_lora_for_another_purpose_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    write_discriminator(tmp_path, folders["rorem-unet"])
    with pytest.raises(BadWeights, match=r"another LoRA than the one that is needed"):
        sdxl.rorem_4s({**folders, "rorem-lcm-lora": tmp_path})


def test_the_revision_stays_when_prompts_are_kept(folders: dict[str, Path], tmp_path: Path) -> None:
    own = tmp_path / "sdxl-inpainting"
    shutil.copytree(folders["sdxl-inpainting"], own, ignore=shutil.ignore_patterns(".prompts-*"))
    before = revision_of(own)
    sdxl.constant_prompts(own)
    assert list(own.glob(".prompts-*")) and revision_of(own) == before


def test_weights_that_are_there_are_not_counted_twice(base: Inpainter, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = base.appetite().of(ladder.rungs(512, False)[0], 128 * 192) - base.bytes
    monkeypatch.setattr("rorem.methods.diffusion.free_memory", lambda device: needed)
    fresh = Inpainter(base._model, sdxl.SDXL_PUBLISHED)
    assert fresh.fill(job(DiffusionOptions(steps=1))).rung == "full"
    monkeypatch.setenv("ROREM_MEMORY", "1TB")  # an allowance is no memory
    monkeypatch.setattr("rorem.methods.diffusion.free_memory", lambda device: 0)
    with pytest.raises(OutOfMemory):
        fresh.fill(job(DiffusionOptions(steps=1)))
