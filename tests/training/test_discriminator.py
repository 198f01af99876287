"""What train_discriminator teaches: its loss by hand, who learns of it, and what it leaves, on a tiny SDXL."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional as F

from rorem.errors import BadData, BadOptions, BadWeights
from rorem.judge import Judge
from rorem.nets.folder import scheduler_config
from rorem.nets.lora import merge
from rorem.nets.prompts import kept_sdxl_prompts
from rorem.nets.vae import Vae
from rorem.triplet import write_folder
from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.full_size import SDXL_UNET
from tests.checkpoints.manifests import discriminator_head, discriminator_lora
from tests.checkpoints.parts import save_network, seeded, shapes_in
from tests.checkpoints.sdxl import TINY_UNET, write_sdxl, write_unet
from tests.training.data.scenes import mark, png, triplet, write_scenes
from training.discriminator_net import TARGETS, DiscriminatorNet, flops
from training.discriminator_settings import DiscriminatorSettings
from training.discriminator_task import DiscriminatorTask
from training.noise import generator_of
from training.settings import read_settings
from training.task import Batch

CPU = torch.device("cpu")
CONFIGS = Path(__file__).parents[2] / "training/configs"
HERE = {"ROREM_DEVICE": "cpu"}
SAID = (1.0, 0.0, 0.75, 0.25)
LORA, HEAD = "pytorch_lora_weights.safetensors", "cls_pred_branch.safetensors"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """base: a tiny SDXL folder; set: four judged removals of 64 px."""
    folder = tmp_path_factory.mktemp("discriminator")
    write_sdxl(folder / "base")
    write_folder([triplet(number, p_yes=said) for number, said in enumerate(SAID)], folder / "set")
    return folder


def settings(place: Path, **given: Any) -> DiscriminatorSettings:
    usual = {"base": place / "base", "data": (str(place / "set"),), "cache": place / "cache", "out": place / "out"}
    return DiscriminatorSettings(
        **{**usual, "flip": False, "workers": 0, "precision": "no", "held_out": 0.0, "batch": 2, **given}
    )


def built(place: Path, **given: Any) -> tuple[DiscriminatorTask, DiscriminatorNet, Batch]:
    """The batch holds two of the four."""
    task = DiscriminatorTask(settings(place, **given))
    net = task.build(CPU)
    return task, net, task.source().batch(range(2))


PAPER = {"loss": "mse", "soft": False, "balance": False, "posterior": "sample", "noise": True}


def by_hand(place: Path, net: DiscriminatorNet, batch: Batch, paper: bool) -> list[Tensor]:
    """Each sample's loss, one after the other, with diffusers' own parts. All of the photo is shown."""
    vae = Vae.load(place / "base/vae", CPU, torch.float32)
    unet: Any = UNet2DConditionModel.from_pretrained(place / "base/unet")
    caught: list[Tensor] = []
    unet.mid_block.register_forward_hook(lambda block, given, made: caught.append(made))
    (prompt,) = kept_sdxl_prompts(place / "base", ("",))
    assert prompt.pooled is not None
    ddpm: Any = DDPMScheduler.from_config(dict(scheduler_config(place / "base")))
    found = []
    for index, seed in enumerate(batch.seeds):

        def encoded(picture: Tensor, purpose: str, seed: int = seed) -> Tensor:
            posterior: Any = vae.model.encode(picture[None]).latent_dist  # type: ignore[union-attr]
            normal = torch.randn((4, 64, 64), generator=generator_of(seed, purpose))
            return (posterior.mean + (posterior.std * normal if paper else 0)) * 0.13025

        result, source = (
            encoded(batch["result"][index], "target latents"),
            encoded(batch["source"][index], "shown latents"),
        )
        if paper:
            noise = torch.randn((1, 4, 64, 64), generator=generator_of(seed, "noise"))
            result = ddpm.add_noise(result, noise, torch.tensor([0]))
        sample = torch.cat([result, batch["mask"][index][None, :, ::8, ::8], source], 1)
        sizes = torch.tensor([[512, 512, 0, 0, 512, 512]])
        unet(sample, 0, prompt.embeds[None], added_cond_kwargs={"text_embeds": prompt.pooled[None], "time_ids": sizes})
        logit, said = net.head(caught.pop()).flatten(), batch["score"][index][None]
        if paper:
            found.append(F.mse_loss(F.softplus(logit), (said > 0.5).float()))
        else:  # half of the four answers are yes, so balance changes nothing
            found.append(F.binary_cross_entropy_with_logits(logit, said))
    return found


@pytest.mark.parametrize("paper", [True, False])
@torch.no_grad()
def test_the_loss_is_what_a_hand_gets(place: Path, paper: bool) -> None:
    task, net, batch = built(place, **(PAPER if paper else {}))
    loss = task.loss(net.train(), batch)
    torch.testing.assert_close(loss, torch.stack(by_hand(place, net, batch, paper)).mean(), rtol=2e-3, atol=1e-4)
    assert 0.05 < float(loss) < 5


def test_the_lora_and_the_head_learn_and_nothing_else(place: Path) -> None:
    """The original's head was frozen when its LoRA was put on."""
    task, net, batch = built(place)
    unet = shapes_in(place / "base/unet")
    layers = {name.rpartition(".lora")[0].removeprefix("unet.") for name in discriminator_lora(unet)}
    wanted = {f"unet.{layer}.lora_{half}.default.weight" for layer in layers for half in "AB"}
    wanted |= {f"head.{name}" for name in discriminator_head(64)}
    assert {name for name, weight in net.named_parameters() if weight.requires_grad} == wanted
    assert len(wanted) == 2 * len(layers) + 14 and all(layer.endswith(TARGETS) for layer in layers)
    spread(net)  # as long as B is 0, no gradient comes to A
    task.loss(net, batch).backward()
    reached = {name for name, weight in net.named_parameters() if weight.grad is not None and weight.grad.any()}
    assert reached == wanted


def test_checkpointing_and_a_cache_change_nothing(place: Path) -> None:
    plain, *same = (
        float(task.loss(net, batch).detach())
        for task, net, batch in (
            built(place),
            built(place, checkpointing=True),
            built(place, cache_latents=True, cache_spread=False),
        )
    )
    assert same[0] == pytest.approx(plain, abs=1e-6)
    assert same[1] == pytest.approx(plain, abs=2e-3)  # kept in float16


@torch.no_grad()
def test_a_sample_is_the_same_in_any_company(place: Path) -> None:
    task, net, batch = built(place, **PAPER)
    alone = [task.loss(net, task.source().batch([draw])) for draw in range(2)]
    torch.manual_seed(7)
    torch.testing.assert_close(task.loss(net, batch), torch.stack(alone).mean(), rtol=1e-3, atol=1e-4)
    assert abs(float(alone[0] - alone[1])) > 1e-3


def test_the_network_begins_the_same_each_time(place: Path) -> None:
    first = DiscriminatorTask(settings(place)).build(CPU).state_dict()
    torch.manual_seed(9)
    again, other = (DiscriminatorTask(settings(place, seed=seed)).build(CPU).state_dict() for seed in (0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    name = "head.cls_pred_branch.0.weight"
    assert not torch.equal(first[name], other[name])


@torch.no_grad()
def spread(net: DiscriminatorNet) -> None:
    """As if it had learned: every weight that trains is another."""
    random = torch.Generator().manual_seed(3)
    for weight in net.parameters():
        if weight.requires_grad:
            weight += 0.05 * torch.randn(weight.shape, generator=random)


def weights_of(place: Path) -> tuple[DiscriminatorTask, DiscriminatorNet]:
    task = DiscriminatorTask(settings(place))
    net = task.build(CPU)
    spread(net)
    return task, net.eval()


@torch.no_grad()
def test_the_suites_judge_says_what_was_learned(place: Path, tmp_path: Path) -> None:
    task, net = weights_of(place)
    task.save(net.state_dict(), tmp_path)
    judge = Judge(place / "base", tmp_path, HERE)
    assert judge.notes == ()  # it does not look as if it had never been trained
    told = []
    for number in range(2):
        coarse = np.random.default_rng(number).integers(0, 256, (2, 8, 8, 3), np.uint8)
        source, result = (one.repeat(64, 0).repeat(64, 1) for one in coarse)
        mask = mark(512, 512, (100, 150, 300, 400)) > 0
        tensors = {
            "source": levels(source),
            "mask": torch.from_numpy(mask)[None, None].float(),
            "result": levels(result),
        }
        logit = net(task.shown(Batch(tensors, [0]), plain=True))
        told.append(judge.score(source, mask, result).raw)
        assert told[-1] == pytest.approx(float(F.softplus(logit)), abs=2e-3)
    assert abs(told[0] - told[1]) > 0.01


def levels(picture: np.ndarray) -> Tensor:
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1


@torch.no_grad()
def test_it_has_the_published_names_and_shapes(place: Path, tmp_path: Path) -> None:
    task, net = weights_of(place)
    task.save(net.state_dict(), tmp_path)
    lora, head = load_file(tmp_path / LORA), load_file(tmp_path / HEAD)
    wanted: Mapping[str, Any] = discriminator_lora(shapes_in(place / "base/unet"))
    names = {name.replace("lora.down", "lora_A").replace("lora.up", "lora_B"): shape for name, shape in wanted.items()}
    assert {name: tuple(tensor.shape) for name, tensor in lora.items()} == names
    assert {name: tuple(tensor.shape) for name, tensor in head.items()} == discriminator_head(64)
    unet = UNet2DConditionModel.from_pretrained(place / "base/unet")
    assert merge(unet, lora, "it") == len(names) // 2
    task.settings = task.settings.model_copy(update={"result_dtype": "float16"})
    task.save(net.state_dict(), tmp_path)
    assert load_file(tmp_path / HEAD)["cls_pred_branch.0.weight"].dtype == torch.float16
    assert load_file(tmp_path / LORA).keys() == lora.keys()


@torch.no_grad()
def test_the_next_round_goes_on_from_the_last(place: Path, tmp_path: Path) -> None:
    task, net = weights_of(place)
    task.save(net.state_dict(), tmp_path)
    again = DiscriminatorTask(settings(place, start=tmp_path)).build(CPU)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in net.state_dict().items())
    trained = [{name for name, weight in one.named_parameters() if weight.requires_grad} for one in (net, again)]
    assert trained[0] == trained[1]
    write_discriminator(tmp_path / "published", place / "base/unet")
    published = DiscriminatorTask(settings(place, start=tmp_path / "published"))
    sample = torch.randn(1, 9, 64, 64, generator=torch.Generator().manual_seed(4))
    judge = Judge(place / "base", tmp_path / "published", HERE)
    raw = judge._network(*sample.split((4, 1, 4), dim=1))
    torch.testing.assert_close(F.softplus(published.build(CPU)(sample)), raw, rtol=1e-3, atol=1e-3)


def test_another_start_is_refused(place: Path, tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="should hold a discriminator"):
        DiscriminatorTask(settings(place, start=tmp_path)).build(CPU)
    write_discriminator(tmp_path, place / "base/unet")
    with pytest.raises(BadOptions, match="rank 4 and not 8") as raised:
        DiscriminatorTask(settings(place, start=tmp_path, lora_rank=8)).build(CPU)
    assert "--lora_rank 4" in raised.value.fix


def test_a_base_that_is_none_is_refused(place: Path, tmp_path: Path) -> None:
    write_unet(tmp_path / "unet")
    with pytest.raises(BadWeights):
        DiscriminatorTask(settings(place, base=tmp_path)).build(CPU)


def test_labels_that_nothing_can_be_learned_from_are_told(place: Path, tmp_path: Path) -> None:
    for word, told in (("yes", 1.0), ("no", 0.0)):
        write_folder([triplet(number, p_yes=told) for number in range(3)], tmp_path / word)
        with pytest.raises(BadData, match=f"say {word} to all"):
            built(place, data=(str(tmp_path / word),))
    with pytest.raises(BadData, match="Nobody has said"):
        built(place, data=(str(write_scenes(tmp_path / "unsaid", 3)),))


def test_unlabelled_records_are_never_taken(place: Path, tmp_path: Path) -> None:
    write_folder(
        [triplet(number, p_yes=None if number % 2 else number / 4, votes_yes=0) for number in range(5)],
        tmp_path / "set",
    )
    task = DiscriminatorTask(settings(place, data=(str(tmp_path / "set"),), by_votes=True))
    task.build(CPU)
    source = task.source()
    batch = source.batch(range(9))
    assert len(source) == 3 and not batch.bad
    assert {*batch.names} == {"scene-000", "scene-002", "scene-004"} and set(batch["weight"].tolist()) == {1.0}
    assert task.about()["learned from"] == "3 removals of 3 photos"


def test_validation_sees_photos_that_are_not_learned_from(place: Path, tmp_path: Path) -> None:
    said = [triplet(number, p_yes=number % 2, method=("lama", "rorem")[number // 2 % 2]) for number in range(12)]
    write_folder(said, tmp_path / "set")
    (tmp_path / "set/source/scene-001.png").write_bytes(b"no picture")
    given = {"data": (str(tmp_path / "set"),), "held_out": 0.5, "out": tmp_path / "out", "validate_samples": 5}
    task = DiscriminatorTask(settings(place, **given, cache_latents=True))
    net = task.build(CPU).eval()
    learned = set(task.source().batch(range(40)).names)
    with torch.no_grad():
        first, again = (task.validate(net, step) for step in (1, 2))
    assert task.vae is None  # all that is needed of it is kept
    assert task._held_out is not None
    seen = {said[number].name for number in task._held_out._records}
    assert seen and not seen & learned and len(seen) <= 5
    assert first.metrics == again.metrics and {"loss", "accepted"} <= first.metrics.keys()
    assert first.picture is not None and first.picture.shape[1:] == (512, 3) and first.picture.std() > 10
    (tmp_path / "result").mkdir()
    task.save(net.state_dict(), tmp_path / "result")
    assert (tmp_path / "result/report.json").is_file()
    about = task.about()
    assert "| all |" in about["text"] and "1 - exp(-r)" in about["text"] and about["licence"] == "openrail++"
    assert about["learned from"].startswith(str(len(learned))) and "data fingerprint" in about


def test_validation_sets_of_ones_own(place: Path, tmp_path: Path) -> None:
    """A photo that is in both is not learned from; its removals there may be others."""
    write_folder([triplet(number, p_yes=number % 2) for number in (2, 3)], tmp_path / "other")
    task, net, _ = built(place, validation=(str(tmp_path / "other"),), out=tmp_path / "out")
    names = set(task.source().batch(range(8)).names)
    assert names == {"scene-000", "scene-001"}
    with torch.no_grad():
        told = task.validate(net.eval(), 1).metrics
    assert told["auc"] in (0.0, 0.5, 1.0) and told["auc_low"] < 0.6 and told["auc_high"] > 0.4


def coarse(number: int) -> bytes:
    """A PNG that looks like no other number's."""
    return png(np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1))


@pytest.mark.soak
@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_two_removals_are_learned_by_heart(place: Path, tmp_path: Path, loss: str) -> None:
    """With a head of 128 channels: the last norm of the tiny one's 64 is over two values each, whose order is all that
    is left of them, and nobody can learn through that."""
    shutil.copytree(place / "base", tmp_path / "base")
    shutil.rmtree(tmp_path / "base/unet")
    with seeded(0):
        save_network(UNet2DConditionModel(**{**TINY_UNET, "block_out_channels": (16, 32, 128)}), tmp_path / "base/unet")
    pair = [triplet(number, p_yes=number, source=coarse(number), result=coarse(10 + number)) for number in range(2)]
    write_folder(pair, tmp_path / "set")
    given = {"base": tmp_path / "base", "data": (str(tmp_path / "set"),), "cache_latents": True, "loss": loss}
    task, net, batch = built(place, **given)
    optimizer = torch.optim.AdamW([weight for weight in net.parameters() if weight.requires_grad], 1e-3)
    losses = []
    for _ in range(30):
        optimizer.zero_grad()
        (found := task.loss(net, batch)).backward()
        optimizer.step()
        losses.append(float(found.detach()))
    assert losses[0] > 0.2 and losses[-1] < 0.1 * losses[0]


def test_the_work_of_a_step_is_counted() -> None:
    """Of SDXL: less than forward and back through all of its UNet, more than through the half."""
    assert 1.589e12 * 0.6 < flops(SDXL_UNET) < 1.589e12 * 1.2


@pytest.mark.parametrize("name", ["paper", "ours", "tiny"])
def test_presets_can_be_read(place: Path, name: str) -> None:
    read = read_settings(DiscriminatorSettings, CONFIGS / f"discriminator_{name}.yaml", {"base": str(place / "base")})
    assert read.size == 512 and read.loss == ("mse" if name == "paper" else "bce")
    if name == "paper":
        assert (read.batch, read.lr, read.steps, read.lora_rank) == (32, 1e-5, 15_000, 4)
        assert {key: getattr(read, key) for key in PAPER} == PAPER


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"size": 256}, "512"),
        ({"buckets": True}, "512"),
        ({"cache_latents": True, "cache_spread": False, "posterior": "sample"}, "posterior"),
        ({"threshold": 1.5}, "threshold"),
    ],
)
def test_settings_that_do_not_go_together(place: Path, given: dict[str, Any], word: str) -> None:
    with pytest.raises(BadOptions, match=word):
        read_settings(DiscriminatorSettings, None, {"base": str(place / "base"), **given})
