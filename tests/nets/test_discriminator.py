"""The discriminator against diffusers and peft, in tiny; names and numbers of the real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from rorem.errors import BadWeights
from rorem.nets.discriminator import Discriminator, Head, WayDown, adaptable, load, untouched
from rorem.nets.folded import Prompt
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.full_size import SDXL_UNET
from tests.checkpoints.manifests import count, discriminator_head, on_meta, safetensors_size
from tests.checkpoints.sdxl import TINY_UNET, write_lcm_lora, write_unet

LORA, HEAD, MIRRORED = "pytorch_lora_weights.safetensors", "cls_pred_branch.pt", "cls_pred_branch.safetensors"
TEXT, POOLED = TINY_UNET["cross_attention_dim"], 32
Inputs = tuple[Tensor, Tensor, Tensor]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A UNet, and the published pair for it: `unet`, `judge`."""
    folder = tmp_path_factory.mktemp("discriminator")
    write_unet(folder / "unet")
    write_discriminator(folder / "judge", folder / "unet")
    return folder


@pytest.fixture(scope="module")
def empty() -> Prompt:
    random = torch.Generator().manual_seed(5)
    return Prompt(torch.randn(77, TEXT, generator=random), torch.randn(POOLED, generator=random))


@pytest.fixture(scope="module")
def network(folder: Path, empty: Prompt) -> Discriminator:
    return load(folder / "unet", folder / "judge" / LORA, folder / "judge" / HEAD, empty, torch.float32)


@pytest.fixture(scope="module")
def inputs() -> Inputs:
    """Three results, masks and sources."""
    random = torch.Generator().manual_seed(6)
    result, source = (torch.randn(3, 4, 64, 64, generator=random) for _ in range(2))
    return result, (torch.rand(3, 1, 64, 64, generator=random) > 0.7).float(), source


@torch.inference_mode()
def reference(folder: Path, empty: Prompt, inputs: Inputs) -> Tensor:
    """The whole UNet of diffusers with the LoRA as peft adds it; what leaves its middle, through the head by hand."""
    unet: Any = UNet2DConditionModel.from_pretrained(folder / "unet")
    unet.load_lora_adapter(load_file(folder / "judge" / LORA), prefix="unet")
    caught: list[Tensor] = []
    unet.mid_block.register_forward_hook(lambda block, given, made: caught.append(made))
    result, mask, source = inputs
    assert empty.pooled is not None
    several = len(result)
    unet(
        torch.cat([result, mask, source], dim=1),
        0,
        encoder_hidden_states=empty.embeds.expand(several, -1, -1),
        added_cond_kwargs={
            "text_embeds": empty.pooled.expand(several, -1),
            "time_ids": torch.tensor([[512.0, 512, 0, 0, 512, 512]]).expand(several, -1),
        },
    )
    weights = {name: tensor.float() for name, tensor in torch.load(folder / "judge" / HEAD).items()}
    seen = caught[0]
    for convolution, stride, padding in ((0, 2, 1), (3, 2, 1), (6, 4, 0)):
        at, norm = f"cls_pred_branch.{convolution}", f"cls_pred_branch.{convolution + 1}"
        seen = F.conv2d(seen, weights[f"{at}.weight"], weights[f"{at}.bias"], stride, padding)
        seen = F.silu(F.group_norm(seen, 32, weights[f"{norm}.weight"], weights[f"{norm}.bias"]))
    told = F.conv2d(seen, weights["cls_pred_branch.9.weight"], weights["cls_pred_branch.9.bias"])
    assert told.shape == (several, 1, 1, 1)
    return F.softplus(told.squeeze())


@torch.inference_mode()
def test_it_equals_diffusers_and_peft(network: Discriminator, folder: Path, empty: Prompt, inputs: Inputs) -> None:
    expected, told = reference(folder, empty, inputs), network(*inputs)
    assert told.shape == (3,) and told.dtype == torch.float32 and (told > 0).all()
    assert torch.allclose(told, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3  # else anything would be equal


@torch.inference_mode()
def test_a_batch_is_its_samples_one_by_one(network: Discriminator, inputs: Inputs) -> None:
    alone = [network(*(part[index : index + 1] for part in inputs)) for index in range(3)]
    assert torch.allclose(network(*inputs), torch.cat(alone), rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_all_three_inputs_and_their_order_matter(network: Discriminator, inputs: Inputs) -> None:
    result, mask, source = inputs
    told = network(*inputs)
    for other in ((source, mask, result), (result, 1 - mask, source), (result, mask, source * 0)):
        assert not torch.allclose(network(*other), told, atol=1e-4)


def test_the_lora_matters(folder: Path, empty: Prompt, network: Discriminator, inputs: Inputs, tmp_path: Path) -> None:
    still = {name: tensor * 0 for name, tensor in load_file(folder / "judge" / LORA).items()}
    save_file(still, tmp_path / LORA)
    other = load(folder / "unet", tmp_path / LORA, folder / "judge" / HEAD, empty, torch.float32)
    with torch.inference_mode():
        assert not torch.allclose(network(*inputs), other(*inputs), atol=1e-4)


def test_other_sizes_are_refused(network: Discriminator) -> None:
    large = torch.zeros(1, 4, 96, 96)
    with pytest.raises(ValueError, match="64 x 64"):
        network(large, large[:, :1], large)


def test_the_way_up_is_never_loaded(network: Discriminator) -> None:
    names = [name for name, _ in network.named_parameters()]
    assert not [name for name in names if "up_blocks" in name or "conv_out" in name or "conv_norm_out" in name]
    assert any("mid_block" in name for name in names)


def save_head(path: Path, tensors: dict[str, Tensor]) -> Path:
    save_file(tensors, path)
    return path


@pytest.mark.parametrize(
    "before", ["", "cls_pred_branch.", "module.cls_pred_branch.", "discriminator.cls_pred_branch."]
)
def test_the_head_is_found_under_every_name(
    before: str, folder: Path, empty: Prompt, network: Discriminator, inputs: Inputs, tmp_path: Path
) -> None:
    held = torch.load(folder / "judge" / HEAD)
    renamed = {before + name.removeprefix("cls_pred_branch."): tensor for name, tensor in held.items()}
    if before:
        renamed["conv_in.weight"] = torch.zeros(1)  # of the whole network, as a training script may have left it
    other = load(
        folder / "unet", folder / "judge" / LORA, save_head(tmp_path / MIRRORED, renamed), empty, torch.float32
    )
    with torch.inference_mode():
        assert torch.equal(network(*inputs), other(*inputs))


def test_both_published_layouts_are_the_same(
    folder: Path, empty: Prompt, network: Discriminator, inputs: Inputs, tmp_path: Path
) -> None:
    write_discriminator(tmp_path, folder / "unet", mirror=True)
    other = load(folder / "unet", tmp_path / LORA, tmp_path / MIRRORED, empty, torch.float32)
    with torch.inference_mode():
        assert torch.equal(network(*inputs), other(*inputs))


def test_an_untouched_head_is_told(folder: Path, empty: Prompt, network: Discriminator, tmp_path: Path) -> None:
    assert not untouched(network.head)
    write_discriminator(tmp_path, folder / "unet", trained=False)
    assert untouched(load(folder / "unet", tmp_path / LORA, tmp_path / HEAD, empty, torch.float32).head)


def refused(folder: Path, empty: Prompt, **files: Path) -> str:
    """The sentence with which one of the published files, put in the place of the right one, is refused."""
    given = {
        "unet_folder": folder / "unet",
        "lora": folder / "judge" / LORA,
        "head": folder / "judge" / HEAD,
    } | files
    with pytest.raises(BadWeights) as raised:
        load(**given, empty=empty, dtype=torch.float32)
    assert str(raised.value).endswith(".") and "\n" not in str(raised.value)
    return str(raised.value)


def test_another_models_lora_is_refused(folder: Path, empty: Prompt, tmp_path: Path) -> None:
    write_lcm_lora(tmp_path, folder / "unet")  # also reaches the way up
    assert "is a LoRA for another network" in refused(folder, empty, lora=tmp_path / LORA)


def test_a_lora_that_lacks_layers_is_refused(folder: Path, empty: Prompt, tmp_path: Path) -> None:
    some = {name: tensor for name, tensor in load_file(folder / "judge" / LORA).items() if "mid_block" in name}
    save_file(some, tmp_path / LORA)
    assert f"is a LoRA for {len(some) // 2} layers" in refused(folder, empty, lora=tmp_path / LORA)


def test_wrong_heads_are_refused(folder: Path, empty: Prompt, tmp_path: Path) -> None:
    held = torch.load(folder / "judge" / HEAD)
    foreign = save_head(tmp_path / "foreign.safetensors", {"fc.weight": torch.ones(2, 2)})
    assert "lacks 14 of 14" in refused(folder, empty, head=foreign)
    narrow = {**held, "cls_pred_branch.0.weight": torch.ones(32, 32, 4, 4)}
    assert "instead of" in refused(folder, empty, head=save_head(tmp_path / "narrow.safetensors", narrow))
    held["cls_pred_branch.4.bias"][0] = float("nan")
    assert "no numbers" in refused(folder, empty, head=save_head(tmp_path / "nan.safetensors", held))


def test_a_unet_of_another_family_is_refused(folder: Path, empty: Prompt, tmp_path: Path) -> None:
    UNet2DConditionModel(**{**TINY_UNET, "in_channels": 4}).save_pretrained(tmp_path / "unet")
    assert "SDXL for inpainting" in refused(folder, empty, unet_folder=tmp_path / "unet")


def test_the_real_one_has_the_published_numbers() -> None:
    with torch.device("meta"):
        unet = WayDown(**SDXL_UNET)
        head = on_meta(lambda: Head(1280))
    assert adaptable(unet) == 272
    assert head == discriminator_head()
    assert count(head) == 78_656_001
    assert round(sum(tensor.numel() for tensor in unet.parameters()) / 1e9, 3) == 1.243


def test_the_mirrors_size_tells_its_names() -> None:
    """157,313,466 bytes are float16 under names of 7 more letters than the .pt's: the "module." of distributed runs."""
    named = {f"module.{name}": shape for name, shape in discriminator_head().items()}
    assert safetensors_size(named, number=2) == 157_313_466
