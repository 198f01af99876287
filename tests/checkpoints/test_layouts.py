"""The stock libraries read what the tiny checkpoints write, and stumble where they stumble over the real ones."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    AutoencoderKL,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.manifests import Shapes, discriminator_head
from tests.checkpoints.parts import POSITIONS, VOCABULARY, Tensors
from tests.checkpoints.powerpaint import (
    BASE_UNET,
    TABLE,
    TASK_TOKENS,
    TASKS,
    TINY_UNET,
    write_powerpaint_v1,
    write_powerpaint_v1_original,
    write_powerpaint_v2,
)
from tests.checkpoints.sdxl import write_lcm_lora, write_sdxl, write_unet

LORA = "pytorch_lora_weights.safetensors"
PROMPT = "An empty scene, naïvely spelt: 42 ½ 山"
Pipeline = Any  # one of the two inpainting pipelines; to type checkers their decorators hide that they are classes


@pytest.fixture(scope="module")
def sdxl(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdxl")
    write_sdxl(folder)
    return folder


@pytest.fixture(scope="module")
def v2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("v2")
    write_powerpaint_v2(folder)
    return folder


def run(pipeline: Pipeline, prompt: str = "", seed: int = 0, side: int = 64) -> np.ndarray:
    """One step on noise: float32 (side, side, 3) in [0, 255]."""
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    pipeline.set_progress_bar_config(disable=True)
    made: Any = pipeline(
        prompt,
        image=Image.fromarray(noise),
        mask_image=Image.fromarray(np.full((side, side), 255, np.uint8)),
        height=side,
        width=side,
        num_inference_steps=1,
        strength=1.0,
        guidance_scale=1.0,
        generator=torch.Generator().manual_seed(seed),
        output_type="np",
    )
    return made.images[0] * 255


def adapters(unet: UNet2DConditionModel) -> set[str]:
    """Modules that have a LoRA."""
    return {name.partition(".lora_A.")[0] for name in unet.state_dict() if ".lora_A." in name}


def load_unet(folder: Path) -> UNet2DConditionModel:
    loaded: Any = UNet2DConditionModel.from_pretrained(folder, local_files_only=True)
    return loaded


def assert_same(found: Tensors, expected: Tensors) -> None:
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in found)


def bare(tensors: Tensors, prefix: str = "text_model.") -> Tensors:
    """A published text encoder's tensors as transformers 5 names them."""
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name != POSITIONS}


def joined(encoder: Tensors) -> Tensors:
    """With one table in place of the wrapped one and the tasks' rows."""
    parts = [f"{TABLE}.wrapped.weight", *(f"{TABLE}.trainable_embeddings.{task}" for task in TASKS)]
    rest = {name: tensor for name, tensor in encoder.items() if name not in parts}
    return {**rest, f"{TABLE}.weight": torch.cat([encoder[name] for name in parts])}


def shapes(tensors: Tensors) -> Shapes:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def files(folders: Iterable[Path]) -> list[dict[Path, bytes]]:
    return [{p.relative_to(top): p.read_bytes() for p in top.rglob("*") if p.is_file()} for top in folders]


@pytest.mark.parametrize("seed", range(3))
def test_sdxl_paints_something_grey(sdxl: Path, seed: int) -> None:
    """Mid-grey with some texture, whatever the seed: tests of methods can tell it from a failure."""
    pipeline: Any = StableDiffusionXLInpaintPipeline.from_pretrained(sdxl, local_files_only=True, add_watermarker=False)
    painted = run(pipeline, seed=seed)
    assert np.isfinite(painted).all()
    assert np.abs(painted.mean(axis=(0, 1)) - 128).max() < 20
    assert 5 < painted.std() < 40


def test_sdxl_heeds_prompt_and_picture(sdxl: Path) -> None:
    pipeline: Any = StableDiffusionXLInpaintPipeline.from_pretrained(sdxl, local_files_only=True, add_watermarker=False)
    assert np.abs(run(pipeline, "") - run(pipeline, PROMPT)).max() > 0
    assert np.array_equal(run(pipeline, PROMPT), run(pipeline, PROMPT))


def test_sdxl_in_half_precision_with_and_without_variant(tmp_path: Path) -> None:
    write_sdxl(tmp_path / "base", variant=True, dtype=torch.float16)
    write_sdxl(tmp_path / "rorem", dtype=torch.float16)
    loaded: list[Any] = [
        StableDiffusionXLInpaintPipeline.from_pretrained(
            tmp_path / name, variant=variant, dtype=torch.bfloat16, local_files_only=True, add_watermarker=False
        )
        for name, variant in (("base", "fp16"), ("rorem", None))
    ]
    assert loaded[0].unet.dtype == loaded[0].text_encoder.dtype == torch.bfloat16
    assert np.array_equal(run(loaded[0]), run(loaded[1]))
    with pytest.raises(ValueError, match="fp16"):  # RORem's README asks for this variant, which is not there
        StableDiffusionXLInpaintPipeline.from_pretrained(tmp_path / "rorem", variant="fp16", local_files_only=True)


def test_text_encoders_are_read_in_full(sdxl: Path) -> None:
    first: Any = CLIPTextModel.from_pretrained(sdxl / "text_encoder")
    second: Any = CLIPTextModelWithProjection.from_pretrained(sdxl / "text_encoder_2")
    published = load_file(sdxl / "text_encoder/model.safetensors")
    assert POSITIONS in published and all(name.startswith("text_model.") for name in published)
    assert_same(first.state_dict(), bare(published))
    assert_same(second.state_dict(), bare(load_file(sdxl / "text_encoder_2/model.safetensors"), prefix=""))


def test_tokenizers_spell_everything(sdxl: Path) -> None:
    for name, pad in (("tokenizer", "<|endoftext|>"), ("tokenizer_2", "!")):
        tokenizer: Any = CLIPTokenizer.from_pretrained(sdxl / name)
        assert len(tokenizer) == VOCABULARY and tokenizer.pad_token == pad
        numbers = tokenizer(PROMPT, padding="max_length").input_ids
        assert len(numbers) == tokenizer.model_max_length == 77
        assert numbers[0] == VOCABULARY - 2 and numbers.count(VOCABULARY - 1) >= 1
        spelt = tokenizer.decode(tokenizer(PROMPT).input_ids, skip_special_tokens=True)
        assert spelt.replace(" ", "") == PROMPT.lower().replace(" ", "")
        assert len(tokenizer("empty scene blur").input_ids) == 5


def test_a_sharded_unet_is_the_same(tmp_path: Path) -> None:
    write_unet(tmp_path / "whole", seed=5)
    write_unet(tmp_path / "shards", sharded=True, seed=5)
    assert len([*(tmp_path / "shards").glob("*.safetensors")]) > 1
    assert (tmp_path / "shards/diffusion_pytorch_model.safetensors.index.json").is_file()
    assert_same(load_unet(tmp_path / "shards").state_dict(), load_unet(tmp_path / "whole").state_dict())


def test_todays_diffusers_drops_half_of_the_lcm_lora(sdxl: Path, tmp_path: Path) -> None:
    write_lcm_lora(tmp_path, sdxl / "unet")
    mixed = load_file(tmp_path / LORA)
    attention = {name for name in mixed if ".lora.down." in name}
    pairs = len(mixed) // 2
    assert 0 < len(attention) < pairs

    unet = load_unet(sdxl / "unet")
    with pytest.warns(RuntimeWarning, match="inconsistency"):  # the only sign of it
        unet.load_lora_adapter(dict(mixed), prefix="unet")
    assert len(adapters(unet)) == pairs - len(attention)
    assert not any(module.endswith(("to_q", "to_k", "to_v", "to_out.0")) for module in adapters(unet))

    unet = load_unet(sdxl / "unet")
    one_style = {n.replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): t for n, t in mixed.items()}
    unet.load_lora_adapter(one_style, prefix="unet")
    assert len(adapters(unet)) == pairs


def test_the_discriminator_loads_unaided(sdxl: Path, tmp_path: Path) -> None:
    write_discriminator(tmp_path, sdxl / "unet")
    published = load_file(tmp_path / LORA)
    unet = load_unet(sdxl / "unet")
    unet.load_lora_adapter(dict(published), prefix="unet")
    assert len(adapters(unet)) == len(published) // 2 > 0
    assert all(module.startswith(("down_blocks.", "mid_block.")) for module in adapters(unet))
    head = torch.load(tmp_path / "cls_pred_branch.pt", weights_only=True)
    assert shapes(head) == discriminator_head(width=64)
    assert {tensor.dtype for tensor in head.values()} == {torch.float16}


def test_the_mirror_has_the_same_discriminator(sdxl: Path, tmp_path: Path) -> None:
    write_discriminator(tmp_path / "drive", sdxl / "unet")
    write_discriminator(tmp_path / "mirror", sdxl / "unet", mirror=True)
    assert_same(load_file(tmp_path / "mirror" / LORA), load_file(tmp_path / "drive" / LORA))
    head = torch.load(tmp_path / "drive/cls_pred_branch.pt", weights_only=True)
    assert_same(load_file(tmp_path / "mirror/cls_pred_branch.safetensors"), head)


def test_an_untrained_head_shows(sdxl: Path, tmp_path: Path) -> None:
    write_discriminator(tmp_path, sdxl / "unet", trained=False)
    head = torch.load(tmp_path / "cls_pred_branch.pt", weights_only=True)
    assert (head["cls_pred_branch.1.weight"] == 1).all() and (head["cls_pred_branch.1.bias"] == 0).all()


@pytest.mark.parametrize("variant", [False, True])
def test_powerpaint_1_repacked_is_a_stock_pipeline(tmp_path: Path, variant: bool) -> None:
    write_powerpaint_v1(tmp_path, variant=variant)
    pipeline: Any = StableDiffusionInpaintPipeline.from_pretrained(
        tmp_path, variant="fp16" if variant else None, dtype=torch.float32, local_files_only=True
    )
    assert len(pipeline.tokenizer) == pipeline.text_encoder.config.vocab_size == VOCABULARY + 30
    numbers = pipeline.tokenizer(f"blur {' '.join(TASK_TOKENS)}").input_ids
    assert numbers[2:-1] == [*range(VOCABULARY, VOCABULARY + 30)]
    plain, tasked = run(pipeline, "blur"), run(pipeline, "blur P_ctxt_0 P_ctxt_1")
    assert np.abs(plain - tasked).max() > 0
    assert np.abs(tasked.mean(axis=(0, 1)) - 128).max() < 20 and 5 < tasked.std() < 40


def test_powerpaint_1_original_has_the_weights_of_the_repack(tmp_path: Path) -> None:
    write_powerpaint_v1(tmp_path / "repack")
    write_powerpaint_v1_original(tmp_path / "original")
    unet = load_file(tmp_path / "original/unet/unet.safetensors")
    assert_same(unet, load_unet(tmp_path / "repack/unet").state_dict())
    encoder = load_file(tmp_path / "original/text_encoder/text_encoder.safetensors")
    expected = load_file(tmp_path / "repack/text_encoder/model.safetensors")
    assert_same(joined(encoder), expected)


def test_powerpaint_2_1_names_a_safety_checker_that_is_not_there(v2: Path) -> None:
    base = v2 / "realisticVisionV60B1_v51VAE"
    with pytest.raises(OSError):
        StableDiffusionPipeline.from_pretrained(base, local_files_only=True)
    without = {"safety_checker": None, "feature_extractor": None}
    pipeline: Any = StableDiffusionPipeline.from_pretrained(base, local_files_only=True, **without)
    assert pipeline.scheduler.config.skip_prk_steps


def test_powerpaint_2_1_loads_part_by_part(v2: Path) -> None:
    base = v2 / "realisticVisionV60B1_v51VAE"
    assert not [*base.rglob("*.safetensors")]
    assert load_unet(base / "unet").config["in_channels"] == BASE_UNET["in_channels"] == 4
    decoder: Any = AutoencoderKL.from_pretrained(base / "vae", local_files_only=True)
    assert decoder.config.scaling_factor == 0.18215
    encoder: Any = CLIPTextModel.from_pretrained(base / "text_encoder")
    assert_same(encoder.state_dict(), bare(torch.load(base / "text_encoder/pytorch_model.bin", weights_only=True)))
    scheduler: Any = PNDMScheduler.from_pretrained(base / "scheduler")
    assert scheduler.config.steps_offset == 1


def test_powerpaint_2_has_the_name_that_diffusers_does_not_find(tmp_path: Path) -> None:
    write_powerpaint_v2(tmp_path, fixed=False)
    unet = tmp_path / "realisticVisionV60B1_v51VAE/unet"
    assert (unet / "diffusion_pytorch_model-002.safetensors").is_file()
    with pytest.raises(OSError):
        load_unet(unet)


def test_a_brushnet_is_a_unet_without_its_end(v2: Path) -> None:
    net = load_file(v2 / "PowerPaint_Brushnet/diffusion_pytorch_model.safetensors")
    unet = UNet2DConditionModel(**TINY_UNET)
    own = {name.replace("conv_in_condition.", "conv_in."): t for name, t in net.items() if "brushnet_" not in name}
    missing, unexpected = unet.load_state_dict(own, strict=False)
    assert not unexpected and {name.partition(".")[0] for name in missing} == {"conv_norm_out", "conv_out"}
    assert all(net[f"brushnet_down_blocks.{n}.weight"].abs().max() > 0 for n in range(12))
    assert {f"brushnet_up_blocks.{n}.bias" for n in range(15)} | {"brushnet_mid_block.bias"} <= net.keys()


def test_the_brushnet_has_its_own_text_encoder(v2: Path) -> None:
    encoder = torch.load(v2 / "PowerPaint_Brushnet/pytorch_model.bin", weights_only=True)
    assert POSITIONS in encoder
    assert len(joined(encoder)[f"{TABLE}.weight"]) == VOCABULARY + len(TASK_TOKENS)


def test_a_seed_gives_the_same_files_and_leaves_no_trace(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    before = torch.get_rng_state()
    for folder, seed in zip(folders, (1, 1, 2), strict=True):
        write_sdxl(folder / "sdxl", seed=seed)
        write_powerpaint_v1(folder / "v1", seed=seed)
    assert torch.equal(torch.get_rng_state(), before)
    first, again, other = files(folders)
    assert first == again and first != other


def test_settings_are_those_of_the_published_folders(sdxl: Path) -> None:
    scheduler = json.loads((sdxl / "scheduler/scheduler_config.json").read_text("utf-8"))
    expected = {"beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    expected |= {"prediction_type": "epsilon", "timestep_spacing": "leading", "steps_offset": 1}
    assert expected.items() <= scheduler.items()
    vae = json.loads((sdxl / "vae/config.json").read_text("utf-8"))
    assert vae["scaling_factor"] == 0.13025 and vae["force_upcast"]
