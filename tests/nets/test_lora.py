"""Merging a LoRA: every adapter of either style finds its layer, or nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor, nn

from rorem.errors import BadWeights
from rorem.nets.lora import adapters, merge
from tests.checkpoints.sdxl import write_lcm_lora, write_unet

FILE = "pytorch_lora_weights.safetensors"


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 5)
        self.conv = nn.Conv2d(3, 4, 3)


def lora(alpha: float | None = None) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)
    tensors = {
        "unet.linear.lora.down.weight": torch.randn(2, 6, generator=random),
        "unet.linear.lora.up.weight": torch.randn(5, 2, generator=random),
        "unet.conv.lora_A.weight": torch.randn(2, 3, 3, 3, generator=random),
        "unet.conv.lora_B.weight": torch.randn(4, 2, 1, 1, generator=random),
    }
    return tensors if alpha is None else tensors | {"unet.linear.alpha": torch.tensor(alpha)}


def test_a_merged_layer_is_the_layer_and_its_adapter() -> None:
    net, tensors = Net(), lora()
    line, picture = torch.randn(3, 6), torch.randn(1, 3, 8, 8)
    down, up = tensors["unet.linear.lora.down.weight"], tensors["unet.linear.lora.up.weight"]
    expected = net.linear(line) + line @ down.T @ up.T
    inner = nn.functional.conv2d(picture, tensors["unet.conv.lora_A.weight"])
    expected_picture = net.conv(picture) + nn.functional.conv2d(inner, tensors["unet.conv.lora_B.weight"])
    assert merge(net, tensors, "a.safetensors") == 2
    assert torch.allclose(net.linear(line), expected, atol=1e-5)
    assert torch.allclose(net.conv(picture), expected_picture, atol=1e-5)


def test_alpha_scales() -> None:
    plain, scaled = (adapters(lora(alpha), "a")["linear"] for alpha in (None, 1.0))
    assert plain.scale == 1.0 and scaled.scale == 0.5


def test_the_published_mixture_of_names_is_read_whole(tmp_path: Path) -> None:
    write_unet(tmp_path / "unet")
    write_lcm_lora(tmp_path / "lora", tmp_path / "unet")
    tensors = load_file(tmp_path / "lora" / FILE)
    styles = [sum(mark in name for name in tensors) for mark in (".lora.down.", ".lora_A.")]
    assert all(styles)
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "unet")
    before = {name: tensor.clone() for name, tensor in unet.state_dict().items()}
    assert merge(unet, tensors, FILE) == sum(styles) == len(tensors) // 2
    changed = {name for name, tensor in unet.state_dict().items() if not torch.equal(tensor, before[name])}
    assert len(changed) == sum(styles)


def test_it_equals_what_peft_does_once_the_names_are_of_one_style(tmp_path: Path) -> None:
    write_unet(tmp_path / "unet")
    write_lcm_lora(tmp_path / "lora", tmp_path / "unet")
    tensors = load_file(tmp_path / "lora" / FILE)
    merged = UNet2DConditionModel.from_pretrained(tmp_path / "unet").eval()
    merge(merged, tensors, FILE)
    stock = UNet2DConditionModel.from_pretrained(tmp_path / "unet").eval()
    renamed = {
        name.replace(".lora.down.", ".lora_A.").replace(".lora.up.", ".lora_B."): t for name, t in tensors.items()
    }
    stock.load_lora_adapter(renamed, prefix="unet")
    channels, text = merged.config.in_channels, merged.config.cross_attention_dim
    sample, words = torch.randn(1, channels, 16, 16), torch.randn(1, 77, text)
    pooled = merged.config.projection_class_embeddings_input_dim - 6 * merged.config.addition_time_embed_dim
    added = {"text_embeds": torch.randn(1, pooled), "time_ids": torch.tensor([[128.0, 128, 0, 0, 128, 128]])}
    with torch.inference_mode():
        one, other = (unet(sample, 500, words, added_cond_kwargs=added).sample for unet in (merged, stock))
    assert (one - other).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda t: t.pop("unet.conv.lora_B.weight"), "only one half of the LoRA of conv"),
        (lambda t: t.update({"unet.linear.hada_w1": torch.ones(1)}), "hada_w1"),
        (lambda t: t.clear(), "holds no LoRA"),
        (lambda t: t.update({"unet.linear.lora.up.weight": torch.ones(7, 2)}), "another network: linear"),
        (lambda t: t.update({"unet.conv.lora_B.weight": torch.full((4, 2, 1, 1), float("nan"))}), "no numbers"),
        (
            lambda t: t.update(
                {"unet.no.lora.up.weight": torch.ones(1, 1), "unet.no.lora.down.weight": torch.ones(1, 1)}
            ),
            "there is no no in this one",
        ),
    ],
)
def test_a_lora_for_another_network_is_refused_and_nothing_is_changed(spoil, sentence: str) -> None:  # type: ignore[no-untyped-def]
    net, tensors = Net(), lora()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    spoil(tensors)
    with pytest.raises(BadWeights, match=sentence) as refused:
        merge(net, tensors, "some.safetensors")
    assert "some.safetensors" in str(refused.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
