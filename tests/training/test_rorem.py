"""What train_rorem teaches: its loss by hand, who learns of it, and what it leaves, on a tiny SDXL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional as F

from rorem.errors import BadOptions, BadWeights
from rorem.methods import sdxl
from rorem.methods.diffusion import Inpainter
from rorem.nets.folder import scheduler_config
from rorem.nets.lora import merge
from rorem.nets.prompts import kept_sdxl_prompts
from rorem.nets.reading import read_tensors
from rorem.nets.vae import Vae
from rorem.remover import Job
from tests.checkpoints.parts import save_network, seeded
from tests.checkpoints.sdxl import TINY_UNET, write_sdxl, write_unet
from tests.training.data.scenes import write_scenes
from training.flops import unet_flops
from training.noise import generator_of
from training.rorem_net import RoremNet
from training.rorem_settings import RoremSettings
from training.rorem_task import RoremTask
from training.settings import read_settings
from training.task import Batch

CPU = torch.device("cpu")
CONFIGS = Path(__file__).parents[2] / "training/configs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base: a tiny SDXL folder; set: four triplets of 64 px."""
    folder = tmp_path_factory.mktemp("rorem")
    write_sdxl(folder / "base")
    write_scenes(folder / "set", 4)
    return folder


def settings(place: Path, **given: Any) -> RoremSettings:
    usual = {"base": place / "base", "data": (str(place / "set"),), "cache": place / "cache", "size": 64}
    return RoremSettings(**{**usual, "crop": "centre", "workers": 0, "precision": "no", **given})


def built(place: Path, **given: Any) -> tuple[RoremTask, RoremNet, Batch]:
    task = RoremTask(settings(place, **given))
    net = task.build(CPU)
    assert isinstance(net, RoremNet)
    return task, net, task.source().batch(range(3))


def by_hand(
    place: Path, batch: Batch, prediction: str = "epsilon", gamma: float = 0, means: bool = False
) -> list[Tensor]:
    """Each sample's loss, one after the other, with diffusers' own parts. The photo's hole is at mid-grey."""
    vae = Vae.load(place / "base/vae", CPU, torch.float32)
    unet = UNet2DConditionModel.from_pretrained(place / "base/unet")
    (prompt,) = kept_sdxl_prompts(place / "base", ("",))
    ddpm: Any = DDPMScheduler.from_config(dict(scheduler_config(place / "base")))
    found = []
    for index, seed in enumerate(batch.seeds):

        def normal(purpose: str, seed: int = seed) -> Tensor:
            return torch.randn((4, 8, 8), generator=generator_of(seed, purpose))

        def encoded(picture: Tensor, purpose: str) -> Tensor:
            posterior: Any = vae.model.encode(picture[None]).latent_dist  # type: ignore[union-attr]
            return (posterior.mean + (0 if means else posterior.std * normal(purpose))) * 0.13025

        mask = batch["mask"][index]
        target = encoded(batch["result"][index], "target latents")
        shown = encoded(batch["masked"][index], "shown latents")
        step = torch.randint(1000, (1,), generator=generator_of(seed, "timestep"))
        noise = normal("noise")[None]
        sample = torch.cat([ddpm.add_noise(target, noise, step), mask[None, :, ::8, ::8], shown], 1)
        sizes = torch.tensor([[64, 64, 0, 0, 64, 64]])
        assert prompt.pooled is not None
        more = {"text_embeds": prompt.pooled[None], "time_ids": sizes}
        told = unet(sample, step, prompt.embeds[None], added_cond_kwargs=more).sample
        wanted = noise if prediction == "epsilon" else ddpm.get_velocity(target, noise, step)
        left = float(ddpm.alphas_cumprod[step])
        snr = left / (1 - left)
        weight = min(snr, gamma) / (snr if prediction == "epsilon" else snr + 1) if gamma else 1.0
        found.append(F.mse_loss(told, wanted) * weight)
    return found


@pytest.mark.parametrize(
    "given",
    [{}, {"posterior": "mean"}, {"prediction": "v_prediction"}, {"min_snr": 5.0}, {"checkpointing": True}],
    ids=str,
)
def test_the_loss_is_what_a_hand_gets(place: Path, given: dict[str, Any]) -> None:
    task, net, batch = built(place, **given)
    wanted = by_hand(
        place, batch, given.get("prediction", "epsilon"), given.get("min_snr", 0), given.get("posterior") == "mean"
    )
    loss = task.loss(net.train(), batch)
    torch.testing.assert_close(loss, torch.stack(wanted).mean(), rtol=1e-5, atol=1e-6)
    assert 0.05 < float(loss.detach()) < 5


def test_a_sample_costs_the_same_in_any_company(place: Path) -> None:
    task, net, batch = built(place)
    draws = range(3)
    alone = [task.loss(net, task.source().batch([draw])) for draw in draws]
    torch.testing.assert_close(task.loss(net, batch), torch.stack(alone).mean(), rtol=1e-5, atol=1e-6)
    assert len({round(loss.item(), 4) for loss in alone}) == 3


def test_torchs_own_random_numbers_do_not_matter(place: Path) -> None:
    losses = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        task, net, batch = built(place, noise_offset=0.1, lora_rank=4)
        losses.append(float(task.loss(net, batch).detach()))
    assert losses[0] == losses[1]


def test_what_the_network_is_shown(place: Path) -> None:
    task, _, batch = built(place)
    noisy, shown = torch.full((3, 4, 8, 8), 2.0), torch.full((3, 4, 8, 8), 3.0)
    mask = torch.zeros(3, 1, 64, 64)
    mask[:, :, 12:40, 16:32] = 1  # the fifth row of cells and half of the second
    sample = task.sample(noisy, mask, shown)
    assert sample[:, :4].unique().item() == 2 and sample[:, 5:].unique().item() == 3
    assert sample[0, 4, :, 2].tolist() == [0, 0, 1, 1, 1, 0, 0, 0]
    grey, _, _ = built(place, mask_cells="grey")
    assert grey.sample(noisy, mask, shown)[0, 4, :, 2].tolist() == [0, 0.5, 1, 1, 1, 0, 0, 0]
    assert set(batch["mask"].unique().tolist()) == {0.0, 1.0}
    _, hidden = task.latents(batch)
    open_task, _, open_batch = built(place, shown="source")
    _, seen = open_task.latents(open_batch)
    vae = Vae.load(place / "base/vae", CPU, torch.float32)
    mean = vae.encode(open_batch["source"], None)
    assert (seen - mean).abs().mean() < (hidden - mean).abs().mean()


def test_nothing_of_the_thing_is_in_what_is_shown(place: Path) -> None:
    _, _, batch = built(place)
    inside = batch["masked"][batch["mask"].expand(-1, 3, -1, -1) > 0]
    assert len(inside) and not inside.any()


def test_the_size_that_is_told(place: Path) -> None:
    task, _, batch = built(place)
    assert task.sizes(batch).tolist() == [[64, 64, 0, 0, 64, 64]] * 3
    bucketed = {"buckets": True, "bucket_step": 16, "batch": 3}
    task, _, batch = built(place, **bucketed)
    assert task.sizes(batch).tolist() == [[64, 64, 0, 0, 64, 64]] * 3
    task, _, batch = built(place, **bucketed, tell_size="photo")
    assert torch.equal(task.sizes(batch), batch["size"])


def grown(net: nn.Module, task: RoremTask, batch: Batch) -> set[str]:
    """The weights that a gradient reaches."""
    task.loss(net.train(), batch).backward()
    return {name for name, weight in net.named_parameters() if weight.grad is not None and weight.grad.abs().sum() > 0}


def test_gradients_reach_all_of_the_network(place: Path) -> None:
    task, net, batch = built(place)
    wanted = {f"unet.{name}" for name, _ in UNet2DConditionModel(**TINY_UNET).named_parameters()}
    assert {name for name, weight in net.named_parameters() if weight.requires_grad} == wanted
    assert grown(net, task, batch) == wanted
    assert not any(weight.requires_grad for weight in task.vae.model.parameters())  # type: ignore[union-attr]


def test_gradients_reach_the_adapters_alone(place: Path) -> None:
    task, net, batch = built(place, lora_rank=2, lora_targets=("to_q", "conv2"), checkpointing=True)
    plain = UNet2DConditionModel(**TINY_UNET)
    layers = [name for name, _ in plain.named_modules() if name.endswith((".to_q", ".conv2"))]
    wanted = {f"unet.{name}.lora_{half}.default.weight" for name in layers for half in "AB"}
    assert {name for name, weight in net.named_parameters() if weight.requires_grad} == wanted
    assert grown(net, task, batch) == {name for name in wanted if ".lora_B." in name}  # A follows once B is not 0
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if ".lora_B." in name:
                weight += 0.1
    assert grown(net, task, batch) == wanted


def test_a_learned_prompt_trains_beside_them(place: Path) -> None:
    task, net, batch = built(place, lora_rank=2, learn_prompt=True)
    assert {"embeds", "pooled"} <= grown(net, task, batch)
    (prompt,) = kept_sdxl_prompts(place / "base", ("",))
    assert torch.equal(net.embeds, prompt.embeds)


@pytest.mark.parametrize("posterior", ["mean", "sample"])
def test_cached_latents_are_those_of_the_pictures(place: Path, posterior: str) -> None:
    task, _, batch = built(place, posterior=posterior)
    cached, _, told = built(place, posterior=posterior, cache_latents=True)
    assert "result" not in told.tensors and cached.vae is None
    for one, other in zip(task.latents(batch), cached.latents(told), strict=True):
        assert (one - other).abs().max() < 0.03 * one.std()  # float16, and the spread in 256 steps


def test_a_smaller_loss_is_a_better_network(place: Path) -> None:
    """A few updates on one batch help; on a set is in test_rorem_run."""
    task, net, batch = built(place)
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3)
    losses = []
    for _ in range(6):
        loss = task.loss(net.train(), batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def disturbed(net: RoremNet) -> RoremNet:
    """As if it had been trained."""
    with seeded(5), torch.no_grad():
        for weight in net.parameters():
            if weight.requires_grad:
                weight += 0.02 * torch.randn_like(weight)
    return net.eval()


@pytest.mark.parametrize(
    "given", [{}, {"result_dtype": "float16"}, {"lora_rank": 4, "lora_alpha": 2.0}, {"learn_prompt": True}], ids=str
)
@torch.no_grad()
def test_the_suite_loads_the_result(place: Path, tmp_path: Path, given: dict[str, Any]) -> None:
    task, net, _ = built(place, **given)
    disturbed(net)
    task.save(net.state_dict(), tmp_path)
    if given.get("learn_prompt"):
        with pytest.raises(BadWeights, match="to be used in another way"):
            sdxl.model(place / "base", tmp_path)
        kept = read_tensors(tmp_path / "prompt.safetensors")
        assert torch.equal(kept["embeds.0"], net.embeds) and torch.equal(kept["pooled.0"], net.pooled)
        assert '"prompt.safetensors"' in (tmp_path / "use.json").read_text()
        return
    model = sdxl.model(place / "base", tmp_path)
    fill = Inpainter(model, sdxl.ROREM_PUBLISHED).fill(job())
    assert fill.network_calls == 2 and fill.crop.shape == (64, 64, 3)
    assert not (tmp_path / "use.json").exists()
    sample = torch.randn(1, 9, 8, 8, generator=torch.Generator().manual_seed(1))
    steps = torch.tensor([400])
    biases = model.unet.biases(steps, slice(0, 1), (64, 64))[0]
    told = model.unet(sample, biases, slice(0, 1))
    wanted = net(sample, steps, torch.tensor([[64, 64, 0, 0, 64, 64]]))
    near = 0.02 if "result_dtype" in given else 1e-4
    torch.testing.assert_close(told, wanted, atol=near, rtol=near)
    config = (tmp_path / "config.json").read_text()
    assert str(place) not in config and '"in_channels": 9' in config


@torch.no_grad()
def test_the_lora_lies_beside_it_for_itself(place: Path, tmp_path: Path) -> None:
    task, net, _ = built(place, lora_rank=4, lora_alpha=8.0)
    disturbed(net)
    task.save(net.state_dict(), tmp_path)
    plain = UNet2DConditionModel.from_pretrained(place / "base/unet")
    merge(plain, read_tensors(tmp_path / "lora/pytorch_lora_weights.safetensors"), "it", task.settings.lora_targets)
    merged = read_tensors(tmp_path / "diffusion_pytorch_model.safetensors")
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(merged[name], tensor)


def test_a_stage_starts_from_the_one_before(place: Path, tmp_path: Path) -> None:
    task, net, _ = built(place)
    disturbed(net)
    task.save(net.state_dict(), tmp_path)
    _, again, _ = built(place, unet=tmp_path)
    for name, tensor in net.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


@torch.no_grad()
def test_validation_says_the_same_each_time(place: Path) -> None:
    given = {"validation": (str(place / "set"),), "validate_samples": 2, "validate_steps": 2}
    one, net, _ = built(place, **given)
    other, _, _ = built(place, **given, seed=9, cache_latents=True)
    first, second = one.validate(net, 1), other.validate(net, 2)
    assert first.metrics == second.metrics and set(first.metrics) == {"loss", "psnr_hole"}
    assert first.picture is not None and first.picture.shape == (2 * 64, 4 * 64, 3)
    assert np.array_equal(first.picture, second.picture)  # type: ignore[arg-type]
    disturbed(net)
    assert one.validate(net, 1).metrics["loss"] != first.metrics["loss"]
    without, net, _ = built(place)
    assert without.validate(net, 1).metrics == {}


def test_the_card_says_where_it_comes_from(place: Path, tmp_path: Path) -> None:
    cached = tmp_path / "models--diffusers--sdxl/snapshots/0123"
    cached.parent.mkdir(parents=True)
    cached.symlink_to(place / "base")
    task, _, _ = built(place, base=cached, lora_rank=2, shown="source")
    about = task.about()
    assert about["base"] == "diffusers/sdxl" and about["licence"] == "openrail++" and "lora" in about["tags"]
    assert about["data fingerprint"] and "shown source" in about["text"]
    assert str(tmp_path) not in str({name: value for name, value in about.items() if name != "data"})


def test_flops_are_those_of_its_layers(place: Path) -> None:
    unet: Any = UNet2DConditionModel(**TINY_UNET)
    count = 0

    def of_linear(layer: nn.Module, given: Any, told: Tensor) -> None:
        nonlocal count
        count += 2 * told.numel() * layer.weight[0].numel()  # type: ignore[index, operator, union-attr]

    def of_attention(layer: nn.Module, given: Any, told: Any, **more: Any) -> None:
        nonlocal count
        hidden, text = given[0], more.get("encoder_hidden_states")
        tokens = hidden.shape[1] if text is None else text.shape[1]
        count += 2 * 2 * hidden.shape[1] * tokens * layer.to_q.out_features  # type: ignore[union-attr, operator]

    for module in unet.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            module.register_forward_hook(of_linear)
        if type(module).__name__ == "Attention":
            module.register_forward_hook(
                lambda layer, given, more, told: of_attention(layer, given, told, **more), with_kwargs=True
            )
    (prompt,) = kept_sdxl_prompts(place / "base", ("",))
    RoremNet(unet, prompt)(torch.zeros(1, 9, 8, 8), torch.tensor([1]), torch.zeros(1, 6, dtype=torch.int64))
    assert unet_flops(dict(unet.config), 64, 64) == pytest.approx(count, rel=1e-6)
    task, _, _ = built(place)
    assert task.flops() == pytest.approx(3 * count)


@pytest.mark.soak
def test_flops_of_the_real_network() -> None:
    from tests.checkpoints.full_size import SDXL_UNET

    assert unet_flops(SDXL_UNET, 512, 512) == pytest.approx(1.589e12, rel=1e-3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"tell_size": "photo"}, "goes with buckets"),
        ({"cache_latents": True, "cache_spread": False, "crop": "squash"}, "--posterior mean"),
        ({"min_snr": -1}, "min_snr cannot be -1"),
        ({"lora_ranks": 3}, "Did you mean lora_rank"),
        ({"base": None}, "base cannot be"),
    ],
    ids=str,
)
def test_settings_that_do_not_go_together(place: Path, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadOptions) as caught:
        read_settings(RoremSettings, None, {"base": place / "base", **given})
    assert sentence in caught.value.advice


@pytest.mark.parametrize("file", sorted(CONFIGS.glob("rorem_*.yaml")), ids=lambda file: file.stem)
def test_every_preset_is_one(file: Path, place: Path) -> None:
    read = read_settings(RoremSettings, file, {"base": place / "base"})
    assert read.out == Path("runs") / file.stem or file.stem == "rorem_paper"
    if read.unet is not None:  # a stage starts where another one ends
        assert (CONFIGS / f"{read.unet.parent.name}.yaml").is_file()


def test_the_papers_recipe_is_the_papers() -> None:
    read = read_settings(RoremSettings, CONFIGS / "rorem_paper.yaml", {"base": "base"})
    assert (read.lr, read.steps, read.batch * 16, read.ema, read.min_snr) == (5e-5, 50_000, 192, 0, 0)
    assert (read.shown, read.prediction, read.posterior, read.crop) == ("masked", "epsilon", "sample", "squash")


def test_a_network_of_another_kind(place: Path, tmp_path: Path) -> None:
    with seeded(1):
        save_network(UNet2DConditionModel(**{**TINY_UNET, "in_channels": 4}), tmp_path / "four")
    with pytest.raises(BadWeights, match="not one of SDXL for inpainting"):
        RoremTask(settings(place, unet=tmp_path / "four")).build(CPU)
    with pytest.raises(BadWeights, match="should hold"):
        RoremTask(settings(place, unet=tmp_path / "nowhere")).build(CPU)
    write_unet(tmp_path / "other")
    RoremTask(settings(place, unet=tmp_path / "other")).build(CPU)


def job() -> Job:
    hole = np.zeros((64, 64), bool)
    hole[20:40, 20:40] = True
    crop = np.full((64, 64, 3), 90, np.uint8)
    return Job(crop, hole, np.zeros_like(hole), 0, sdxl_options())


def sdxl_options() -> Any:
    from rorem.methods.recipe import DiffusionOptions

    return DiffusionOptions(steps=2)
