"""distill_lcm on a tiny SDXL: what it computes, what trains, and what the suite makes of the result."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor, nn

from rorem.errors import BadOptions, BadWeights
from rorem.methods import sdxl
from rorem.methods.recipe import NEGATIVE, POSITIVE, FewStepOptions
from rorem.nets.folder import load_model
from rorem.nets.lora import merge
from rorem.nets.prompts import kept_sdxl_prompts
from rorem.nets.reading import read_tensors
from rorem.remover import Job
from tests.checkpoints.full_size import SDXL_UNET
from tests.checkpoints.manifests import NEW, adapted, lora
from tests.checkpoints.parts import shapes_in
from tests.checkpoints.sdxl import write_sdxl, write_unet
from tests.training.conftest import ROOT, run_script
from tests.training.data.scenes import write_scenes
from training import lcm_task, lcm_validation
from training.lcm import Networks, boundary
from training.lcm_settings import LcmSettings
from training.lcm_task import LcmTask
from training.lcm_teacher import check_use, prompts_for
from training.loop import train
from training.lora import FILE, adapter_weights, add_lora
from training.noise import generator_of
from training.settings import read_settings
from training.task import Batch

CONFIGS = Path(__file__).parents[2] / "training" / "configs"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_sdxl(folder / "base")
    write_unet(folder / "unet")
    write_scenes(folder / "data", 4)
    return folder


def settings(home: Path, preset: str = "tiny", **given: Any) -> LcmSettings:
    told = {"base": home / "base", "unet": home / "unet", "data": str(home / "data"), "cache": home / "cache", **given}
    return read_settings(LcmSettings, CONFIGS / f"lcm_{preset}.yaml", told)


def released(home: Path, **given: Any) -> LcmSettings:
    """The tiny preset with the teaching of the released one."""
    preset = settings(home, "released")
    names = "teacher_prompt", "teacher_negative", "w_min", "w_max"
    return settings(home, **{name: getattr(preset, name) for name in names}, **given)


def speak(unet: nn.Module, strength: float = 0.05) -> None:
    """Adapters that say something."""
    with torch.no_grad():
        for seed, (_, weight) in enumerate(adapter_weights(unet)):
            drawn = torch.randn(weight.shape, generator=torch.Generator().manual_seed(seed))
            weight.copy_(strength * drawn)


def test_presets(home: Path) -> None:
    paper, guided, small = (settings(home, name) for name in ("paper", "released", "24gb"))
    assert (paper.w_min, paper.w_max, paper.teacher_prompt, paper.teacher_negative) == (0, 0, "", "")
    assert (guided.w_min, guided.w_max) == (3, 10)
    assert (guided.teacher_prompt, guided.teacher_negative) == (POSITIVE, NEGATIVE)
    for one in (paper, guided, small):
        assert (one.lora_rank, one.grid, one.steps, one.lr) == (64, 50, 20_000, 5e-5)
        assert one.lora_targets == sdxl.LCM_TARGETS and one.lora_scale == 1
    assert small.batch * small.accumulate == 32 and small.cache_latents


@pytest.mark.parametrize("guided", [False, True])
def test_the_first_loss_is_what_a_hand_gets(home: Path, guided: bool) -> None:
    told = released(home) if guided else settings(home)
    task = LcmTask(told)
    unet = task.build(CPU)
    speak(unet)
    batch = task.source().batch(range(2))
    assert task.loss(unet, batch).item() == pytest.approx(by_hand(home, told, batch, unet), rel=2e-4)


def by_hand(home: Path, told: LcmSettings, batch: Batch, unet: nn.Module) -> float:
    """Sample by sample, with the pieces of diffusers, and with the adapters added to the weights for good."""
    teacher: Any = load_model(UNet2DConditionModel, home / "unet", torch.float32)
    student: Any = load_model(UNet2DConditionModel, home / "unet", torch.float32)
    merge(student, lcm_task.lora_tensors(dict(unet.state_dict())), "the test")
    empty, positive, negative = kept_sdxl_prompts(home / "base", ("", told.teacher_prompt, told.teacher_negative))
    ddim = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False
    )
    ddim.set_timesteps(50)
    alphas = ddim.alphas_cumprod.double()
    task = LcmTask(told)
    task.build(CPU)
    latents, shown = task.latents(batch)
    losses = []
    for i, seed in enumerate(batch.seeds):
        start = 20 * int(torch.randint(50, (), generator=generator_of(seed, "point"))) + 19
        end = max(start - 20, 0)
        noise = torch.randn(latents.shape[1:], generator=generator_of(seed, "noise"))
        w = told.w_min + (told.w_max - told.w_min) * float(torch.rand((), generator=generator_of(seed, "guidance")))
        mask = batch["mask"][i : i + 1, :, ::8, ::8]

        def ask(net: Any, x: Tensor, t: int, prompt: Any, i: int = i, mask: Tensor = mask) -> Tensor:
            given = {"text_embeds": prompt.pooled[None], "time_ids": torch.tensor([[64, 64, 0, 0, 64, 64]])}
            sample = torch.cat([x, mask, shown[i : i + 1]], 1)
            with torch.no_grad():
                return net(sample, t, prompt.embeds[None], added_cond_kwargs=given).sample

        def ends(x: Tensor, t: int, ask: Any = ask) -> Tensor:
            picture = (x - (1 - alphas[t]).sqrt() * ask(student, x, t, empty)) / alphas[t].sqrt()
            skip, out = boundary(torch.tensor([t]))
            return skip * x + out * picture

        x = (alphas[start].sqrt() * latents[i] + (1 - alphas[start]).sqrt() * noise)[None].float()
        eps = ask(teacher, x, start, positive)
        if told.w_max:
            eps = eps + w * (eps - ask(teacher, x, start, negative))
        x_end = ddim.step(eps, start, x).prev_sample
        losses.append(float(((ends(x, start) - ends(x_end, end)) ** 2).mean()))
    return float(np.mean(losses))


def test_exactly_the_adapters_train(home: Path) -> None:
    task = LcmTask(settings(home))
    unet = task.build(CPU)
    wanted = adapted(shapes_in(home / "unet"), sdxl.LCM_TARGETS)
    names = {f"{layer}.lora_{half}.default.weight" for layer in wanted for half in "AB"}
    assert {name for name, weight in unet.named_parameters() if weight.requires_grad} == names
    task.loss(unet, task.source().batch(range(2))).backward()
    reached = {name for name, weight in unet.named_parameters() if weight.grad is not None}
    assert reached == names


@pytest.mark.soak
def test_the_published_file_has_the_same_layers() -> None:
    """788 adapters of 196,751,360 numbers on SDXL at rank 64."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(**SDXL_UNET)
        names = add_lora(unet, 64, sdxl.LCM_TARGETS, seed=0)
    assert len(names) == 2 * 788
    assert sum(weight.numel() for _, weight in adapter_weights(unet)) == 196_751_360


@pytest.mark.usefixtures("alone")
def test_a_run_leaves_what_the_suite_loads(home: Path, tmp_path: Path) -> None:
    told = settings(home, out=tmp_path, validation=str(home / "data"), steps=3, validate_steps=4)
    task = LcmTask(told)
    train(task)
    result = tmp_path / "result"
    tensors = read_tensors(result / FILE)
    assert {name: tuple(one.shape) for name, one in tensors.items()} == lora(
        adapted(shapes_in(home / "unet"), sdxl.LCM_TARGETS), 4, NEW
    )
    assert all(bool(one.any()) for one in tensors.values())  # each adapter has learned
    inpainter = sdxl.rorem_4s({"rorem-lcm-lora": result, "rorem-unet": home / "unet", "sdxl-inpainting": home / "base"})
    crop, hole = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), bool)
    hole[20:40, 20:40] = True
    fill = inpainter.fill(Job(crop, hole, np.zeros_like(hole), 0, FewStepOptions()))
    assert fill.network_calls == 4 and fill.crop.shape == crop.shape
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    seen = next(line["validation"] for line in lines if "validation" in line)
    assert set(seen) == {"error", "error_share", "error_fill", "error_fill_share", "psnr_hole", "psnr_hole_teacher"}
    card = (result / "README.md").read_text()
    assert "four steps" in card and "lora_rank: 4" in card and "| data fingerprint |" in card
    assert (tmp_path / "validation" / "step-000003.png").is_file()


def test_the_suite_runs_the_student_as_it_was_trained(home: Path, tmp_path: Path) -> None:
    """Folded, merged and with its own loop, the suite's network ends where the validation's does."""
    task = LcmTask(settings(home))
    unet = task.build(CPU)
    speak(unet)
    task.save(dict(unet.state_dict()), tmp_path)
    inpainter = sdxl.rorem_4s(
        {"rorem-lcm-lora": tmp_path, "rorem-unet": home / "unet", "sdxl-inpainting": home / "base"}
    )
    batch = task.source().unshuffled().batch([0])
    _, shown = task.latents(batch)
    model = inpainter._model
    biases = model.unet.biases(torch.tensor([759]), slice(0, 1), (64, 64))
    noisy = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    mine = task.networks(unet, batch, shown).target(noisy, torch.tensor([759]))
    with torch.no_grad():
        theirs = model.unet(task.sample(noisy, batch["mask"], shown), biases[0], slice(0, 1))
    torch.testing.assert_close(mine, theirs, atol=1e-4, rtol=1e-3)


def test_validation_holds_the_student_against_its_teacher(home: Path) -> None:
    task = LcmTask(settings(home, validation=str(home / "data"), validate_steps=4))
    unet = task.build(CPU).eval()
    task.source()
    with torch.no_grad():
        untaught = task.validate(unet, 0)
        assert untaught.metrics["error_share"] == pytest.approx(1, abs=1e-5)  # it is the teacher still
        assert untaught.metrics["error"] > 0 and untaught.picture is not None
        assert untaught.picture.shape == (64, 5 * 64, 3)
        assert task.validate(unet, 1).metrics == untaught.metrics  # the same random numbers, always
        speak(unet)
        taught = task.validate(unet, 2)
    assert taught.metrics["error"] != untaught.metrics["error"]
    assert taught.metrics["psnr_hole_teacher"] == untaught.metrics["psnr_hole_teacher"]


def test_the_teacher_of_the_validation_is_plain_ddim(home: Path) -> None:
    task = LcmTask(settings(home, validate_steps=5))
    unet = task.build(CPU)
    batch = task.source().batch([0])
    _, shown = task.latents(batch)
    networks = task.networks(unet, batch, shown)
    mine = lcm_validation.teacher(task, networks, shown, 5).end
    ddim = DDIMScheduler.from_config(
        {**task.schedule, "timestep_spacing": "trailing", "clip_sample": False, "set_alpha_to_one": False}
    )
    ddim.set_timesteps(5)
    noise = torch.randn(shown.shape, generator=generator_of(5, "noise"))
    latents = ddim.add_noise(shown, noise, ddim.timesteps[:1])
    for time in ddim.timesteps:
        latents = ddim.step(networks.teacher(latents, time[None], None), time, latents).prev_sample
    torch.testing.assert_close(mine, latents, atol=1e-3, rtol=1e-3)


def test_a_teacher_is_used_as_it_was_trained(home: Path, tmp_path: Path) -> None:
    (tmp_path / "use.json").write_text('{"prediction": "v_prediction", "prompt": "prompt.safetensors"}')
    with pytest.raises(BadOptions, match="trained with prediction v_prediction"):
        LcmTask(settings(home, unet=tmp_path)).build(CPU)
    check_use(tmp_path, settings(home, prediction="v_prediction"))
    (tmp_path / "use.json").write_text("[")
    with pytest.raises(BadWeights, match="cannot be read"):
        check_use(tmp_path, settings(home))
    learned = {"embeds.0": torch.full((77, 48), 2.0), "pooled.0": torch.full((32,), 3.0)}
    save_file(learned, tmp_path / "prompt.safetensors")
    prompts = prompts_for(tmp_path, settings(home, teacher_negative="blur"), CPU)
    for one in (prompts.student, prompts.teacher):
        assert torch.equal(one.embeds, learned["embeds.0"])
        assert one.pooled is not None and torch.equal(one.pooled, learned["pooled.0"])
    assert not torch.equal(prompts.negative.embeds, learned["embeds.0"])


class Copying:
    """Another objective: the student says of noise what its teacher says."""

    def loss(self, networks: Networks, latents: Tensor, seeds: Sequence[int]) -> Tensor:
        times = torch.full((len(latents),), 500)
        return (networks.student(latents, times) - networks.teacher(latents, times, None)).square().mean()


def test_another_objective_is_one_more_line(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lcm_task, "OBJECTIVES", {"consistency": lambda settings, noising: Copying()})
    task = LcmTask(settings(home))
    unet = task.build(CPU)
    batch = task.source().batch(range(2))
    assert task.loss(unet, batch).item() == pytest.approx(0, abs=1e-10)
    speak(unet)
    assert task.loss(unet, batch).item() > 1e-6


@pytest.mark.soak
def test_two_processes_and_a_resume(home: Path, tmp_path: Path) -> None:
    """Two processes of two samples learn what one of four does, and go on to the same bits after a stop."""

    def run(out: str, *more: str, processes: int) -> list[float]:
        names = ("base", "unet", "data", "cache")
        given = [word for name in names for word in (f"--{name}", str(home / name))]
        fixed = ["--config", str(CONFIGS / "lcm_tiny.yaml"), "--out", str(tmp_path / out), "--validate_every", "0"]
        made = run_script(ROOT / "training" / "distill_lcm.py", *fixed, *given, *more, processes=processes)
        assert made.returncode == 0, made.stderr
        lines = (tmp_path / out / "log.jsonl").read_text().splitlines()
        return [json.loads(line)["loss"] for line in lines]

    straight = run("straight", "--steps", "4", processes=2)
    run("stopped", "--steps", "2", processes=2)
    assert run("stopped", "--steps", "4", "--resume", "latest", processes=2) == straight
    assert run("one", "--steps", "4", "--batch", "4", processes=1) == pytest.approx(straight, rel=1e-4)


def test_settings_that_make_no_sense(home: Path) -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"w_min": 5, "w_max": 3}, "w_min cannot be more"),
        ({"min_snr": 5}, "min_snr means nothing"),
        ({"learn_prompt": True}, "learn_prompt means nothing"),
        ({"lora_rank": 0}, "lora_rank cannot be 0"),
        ({"lora_targets": ["to_q"]}, "lora_targets lacks to_k"),
        ({"w_mix": 3}, "no setting w_mix"),
    )
    for wrong, told in cases:
        with pytest.raises(BadOptions, match=told):
            settings(home, **wrong)
    with pytest.raises(BadOptions, match="do not fit"):
        LcmTask(settings(home, grid=2000)).build(CPU)
