"""The folded UNet predicts what the stock one predicts, with less."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import pytest
import torch
from diffusers import UNet2DConditionModel

from rorem.nets.compute import bytes_of
from rorem.nets.folded import KEPT_TABLES, FoldedUNet, Prompt, fold_layers
from tests.checkpoints.full_size import SDXL_UNET

ROUNDING = 2e-5  # of float32, over a whole network, for outputs around 1
TIMESTEPS = torch.tensor([981, 501, 1])


@dataclass(frozen=True)
class Pair:
    stock: UNet2DConditionModel
    folded: FoldedUNet
    prompts: list[Prompt]
    size_told: bool


def unet(size_told: bool) -> UNet2DConditionModel:
    told = {"addition_embed_type": "text_time", "addition_time_embed_dim": 8} if size_told else {}
    told |= {"projection_class_embeddings_input_dim": 16 + 6 * 8} if size_told else {}
    return UNet2DConditionModel(
        in_channels=9,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(32, 64, 64),
        layers_per_block=2,
        transformer_layers_per_block=(1, 1, 2),
        attention_head_dim=(2, 4, 4),
        cross_attention_dim=48,
        use_linear_projection=True,
        norm_num_groups=8,
        **told,  # type: ignore[arg-type]
    ).eval()


@pytest.fixture(scope="module", params=[True, False], ids=["sdxl", "sd15"])
def pair(request: pytest.FixtureRequest) -> Pair:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        stock = unet(request.param)
        prompts = [Prompt(torch.randn(77, 48), torch.randn(16) if request.param else None) for _ in range(3)]
    return Pair(stock, FoldedUNet(copy.deepcopy(stock), prompts).eval(), prompts, request.param)


@torch.inference_mode()
def both(pair: Pair, rows: slice, sample: torch.Tensor, size: tuple[int, int], step: int) -> tuple[torch.Tensor, ...]:
    """The prediction of the stock UNet and of the folded one."""
    chosen = [prompt for prompt in pair.prompts[rows] for _ in range(len(sample) // (rows.stop - rows.start))]
    added = {}
    if pair.size_told:
        ids = torch.tensor([[*size, 0, 0, *size]] * len(sample), dtype=torch.float32)
        added = {"text_embeds": torch.stack([prompt.pooled for prompt in chosen]), "time_ids": ids}  # type: ignore[misc]
    text = torch.stack([prompt.embeds for prompt in chosen])
    expected = pair.stock(sample, TIMESTEPS[step], encoder_hidden_states=text, added_cond_kwargs=added).sample
    biases = pair.folded.biases(TIMESTEPS, rows, size if pair.size_told else None)
    return expected, pair.folded(sample, biases[step], rows)


@pytest.mark.parametrize("shape", [(16, 16), (10, 14), (9, 13), (1, 8)], ids=str)
@pytest.mark.parametrize(("rows", "count"), [(slice(0, 1), 1), (slice(1, 3), 2), (slice(0, 1), 3), (slice(1, 3), 4)])
def test_it_predicts_what_the_stock_network_predicts(
    pair: Pair, shape: tuple[int, int], rows: slice, count: int
) -> None:
    sample = torch.randn(count, 9, *shape, generator=torch.Generator().manual_seed(1))
    for step in range(len(TIMESTEPS)):
        expected, got = both(pair, rows, sample, (8 * shape[0], 8 * shape[1]), step)
        assert expected.std() > 0.1
        assert (expected - got).abs().max() < ROUNDING


def test_prompts_sizes_and_steps_make_a_difference(pair: Pair) -> None:
    """Otherwise the test above would also pass for a network that is blind to them."""
    sample = torch.randn(1, 9, 16, 16, generator=torch.Generator().manual_seed(1))
    size = (128, 128) if pair.size_told else None
    with torch.inference_mode():
        first = pair.folded(sample, pair.folded.biases(TIMESTEPS, slice(0, 1), size)[0], slice(0, 1))
        other_prompt = pair.folded(sample, pair.folded.biases(TIMESTEPS, slice(1, 2), size)[0], slice(1, 2))
        other_step = pair.folded(sample, pair.folded.biases(TIMESTEPS, slice(0, 1), size)[2], slice(0, 1))
    assert (first - other_prompt).abs().max() > 1e-3
    assert (first - other_step).abs().max() > 1e-3
    if pair.size_told:
        table = pair.folded.biases(TIMESTEPS, slice(0, 1), (128, 128))
        assert (table - pair.folded.biases(TIMESTEPS, slice(0, 1), (512, 256))).abs().max() > 1e-3
        with pytest.raises(ValueError, match="size"):
            pair.folded.biases(TIMESTEPS, slice(0, 1), None)


def test_tables_are_kept_but_not_for_ever(pair: Pair) -> None:
    size = (128, 128) if pair.size_told else None
    first = pair.folded.biases(TIMESTEPS, slice(0, 1), size)
    assert pair.folded.biases(TIMESTEPS, slice(0, 1), size) is first
    for step in range(KEPT_TABLES):
        pair.folded.biases(torch.tensor([step]), slice(0, 1), size)
    assert pair.folded.biases(TIMESTEPS, slice(0, 1), size) is not first


def test_it_is_smaller(pair: Pair) -> None:
    # The constants of these toy widths outweigh the layers they replace; parameters alone show what went.
    assert sum(p.numel() for p in pair.folded.parameters()) < sum(p.numel() for p in pair.stock.parameters())
    names = [name for name, _ in pair.folded.named_parameters()]
    assert not any("time_emb" in name or "add_embedding" in name or ".attn2.to_k" in name for name in names)


def test_what_is_saved_at_full_size() -> None:
    """On the meta device: 366 M of SDXL's 2,567 M parameters go, constants for three prompts come."""
    with torch.device("meta"):
        stock = UNet2DConditionModel.from_config(SDXL_UNET)
        before = sum(parameter.numel() for parameter in stock.parameters())
        fold_layers(stock, torch.empty(3, 77, 2048))
    after = sum(parameter.numel() for parameter in stock.parameters())
    assert before == 2_567_478_084
    assert 360e6 < before - after < 375e6
    assert bytes_of(stock) / 4 * 2 < 4.5e9  # in half precision, with the constants
