"""The manifests agree with every count and byte size that is known of the published files."""

from __future__ import annotations

import json
from math import prod

import pytest
from diffusers import AutoencoderKL, UNet2DConditionModel
from peft import LoraConfig
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.checkpoints.full_size import CLIP_BIGG, CLIP_L, SD15_UNET, SD15_VAE, SDXL_UNET, SDXL_VAE, Config
from tests.checkpoints.manifests import (
    ATTENTION,
    NEW,
    OLD,
    OTHERS,
    Shapes,
    adapted,
    brushnet,
    count,
    discriminator_head,
    discriminator_lora,
    lcm_lora,
    on_meta,
    residuals,
    safetensors_size,
)
from tests.checkpoints.powerpaint import TASK_TOKENS
from tests.checkpoints.sdxl import TINY_UNET


@pytest.fixture(scope="module")
def sdxl() -> Shapes:
    return on_meta(lambda: UNet2DConditionModel(**SDXL_UNET))


@pytest.fixture(scope="module")
def sd15() -> Shapes:
    return on_meta(lambda: UNet2DConditionModel(**SD15_UNET))


def test_sdxl_unet(sdxl: Shapes) -> None:
    assert len(sdxl) == 1680 and count(sdxl) == 2_567_478_084
    assert sdxl["conv_in.weight"] == (320, 9, 3, 3)


def test_sd15_unet(sd15: Shapes) -> None:
    assert len(sd15) == 686 and count(sd15) == 859_535_364
    assert sd15["conv_in.weight"] == (320, 9, 3, 3)


@pytest.mark.parametrize("config", [SDXL_VAE, SD15_VAE])
def test_vae(config: Config) -> None:
    assert count(on_meta(lambda: AutoencoderKL(**config))) == 83_653_863


def test_text_encoders() -> None:
    assert count(on_meta(lambda: CLIPTextModel(CLIPTextConfig(**CLIP_L)))) == 123_060_480
    assert count(on_meta(lambda: CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_BIGG)))) == 694_659_840


def test_lcm_lora(sdxl: Shapes) -> None:
    lora = lcm_lora(sdxl)
    assert len(lora) == 2 * 788 and count(lora) == 196_751_360
    assert safetensors_size(lora) == 787_239_704
    old = [name for name in lora if any(f".{factor}." in name for factor in OLD)]
    new = [name for name in lora if any(f".{factor}." in name for factor in NEW)]
    assert (len(old), len(new)) == (2 * 560, 2 * 228)


def test_adapters_are_those_that_peft_finds() -> None:
    unet = UNet2DConditionModel(**TINY_UNET)
    targets = (*ATTENTION, *OTHERS)
    expected = adapted({name: tuple(tensor.shape) for name, tensor in unet.state_dict().items()}, targets)
    unet.add_adapter(LoraConfig(r=4, target_modules=[*targets]))
    found = {name.removesuffix(".lora_A.default.weight") for name in unet.state_dict() if ".lora_A." in name}
    assert found == set(expected)


def test_discriminator_lora_to_the_byte(sdxl: Shapes) -> None:
    lora = discriminator_lora(sdxl)
    assert len(lora) == 544 and safetensors_size(lora) == 11_483_632


def test_discriminator_head() -> None:
    head = discriminator_head()
    assert len(head) == 14 and count(head) == 78_656_001


def test_brushnet_has_28_residuals(sd15: Shapes) -> None:
    widths = SD15_UNET["block_out_channels"]
    assert len(residuals(widths)) == 12 + 1 + 15
    net = brushnet(sd15, widths)
    assert len([name for name in net if name.startswith("brushnet_")]) == 2 * 28
    assert "conv_in.weight" not in net and "conv_out.weight" not in net
    # No tensor can be missing or wrong: the smallest has 1280 bytes. What differs is the order in the header.
    assert abs(safetensors_size(net) - 3_544_366_408) < 4 * min(map(prod, net.values()))


def test_residuals_are_as_wide_as_what_they_are_added_to(sd15: Shapes) -> None:
    """On the way up a residual's width is that of the layer or resampler at its place."""
    up = [width for name, width in residuals(SD15_UNET["block_out_channels"]) if "_up_" in name]
    for block, length in enumerate((4, 4, 4, 3)):
        start = f"up_blocks.{block}."
        sites = [shape[0] for name, shape in sd15.items() if name.startswith(start) and "conv2.bias" in name]
        sites += [
            shape[0] for name, shape in sd15.items() if name.startswith(start) and "upsamplers.0.conv.bias" in name
        ]
        assert up[4 * block : 4 * block + length] == sites


def test_task_tokens_to_the_byte() -> None:
    """The added_tokens.json of the re-packed PowerPaint has 633 bytes."""
    written = json.dumps({token: 49408 + n for n, token in enumerate(TASK_TOKENS)}, indent=2)
    assert len(f"{written}\n") == 633
