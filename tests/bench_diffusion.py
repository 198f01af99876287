"""How fast RORem's road is, against the stock pipeline with the same weights: `python -m tests.bench_diffusion`.

Weights are random: time does not depend on their values. On a GPU the networks have SDXL's full size and the precision
that suits it; on a CPU everything is half as wide and the crop smaller, and only the ratios speak. Everything counts,
from a uint8 picture to a uint8 picture, for the stock pipeline with its text encoders as everybody runs it.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from PIL import Image
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from rorem.methods.diffusion import Inpainter, Model
from rorem.methods.recipe import DiffusionOptions
from rorem.methods.sdxl import ROREM_PUBLISHED
from rorem.methods.sdxl_parts import TINY
from rorem.nets import compute
from rorem.nets.folded import FoldedUNet, Prompt
from rorem.nets.vae import Vae
from rorem.remover import Job
from tests.checkpoints.full_size import CLIP_BIGG, CLIP_L, SDXL_UNET, SDXL_VAE
from tests.checkpoints.parts import write_tokenizer

SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "timestep_spacing": "leading",
    "steps_offset": 1,
}
Row = dict[str, str | float | int | None]


@dataclass(frozen=True)
class Scale:
    """How large everything is. wide: share of SDXL's widths. side: px of the crop. repeats, warm: runs that count, and
    those before them."""

    name: str
    wide: float
    side: int
    repeats: int
    warm: int
    long: bool


GPU = Scale("SDXL", 1.0, 512, 30, 10, long=True)
CPU = Scale("SDXL at half the width", 0.5, 256, 5, 1, long=False)


def configurations(scale: Scale) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of the UNet and of the autoencoder."""
    unet, vae = dict(SDXL_UNET), dict(SDXL_VAE)
    for one in (unet, vae):
        one["block_out_channels"] = tuple(round(width * scale.wide) for width in one["block_out_channels"])
    return unet, vae | {"force_upcast": False}


def stock(scale: Scale, device: torch.device, dtype: torch.dtype, few: bool) -> StableDiffusionXLInpaintPipeline:
    unet, vae = configurations(scale)
    with tempfile.TemporaryDirectory() as folder, torch.device(device):
        write_tokenizer(Path(folder))
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        pipeline = StableDiffusionXLInpaintPipeline(
            vae=AutoencoderKL.from_config(vae).to(dtype),
            text_encoder=CLIPTextModel(CLIPTextConfig(**CLIP_L)).to(dtype),
            text_encoder_2=CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_BIGG)).to(dtype),
            tokenizer=tokenizer,
            tokenizer_2=tokenizer,
            unet=UNet2DConditionModel.from_config(unet).to(dtype),
            scheduler=(LCMScheduler if few else EulerDiscreteScheduler)(**SCHEDULER),  # type: ignore[arg-type]
            add_watermarker=False,
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def ours(pipeline: StableDiffusionXLInpaintPipeline, device: torch.device, dtype: torch.dtype, few: bool) -> Inpainter:
    """Our road over the same weights."""
    unet = UNet2DConditionModel.from_config(pipeline.unet.config).to(device, dtype)
    unet.load_state_dict(pipeline.unet.state_dict())
    vae = AutoencoderKL.from_config(pipeline.vae.config).to(device, dtype)
    vae.load_state_dict(pipeline.vae.state_dict())
    embeds, _, pooled, _ = pipeline.encode_prompt("", do_classifier_free_guidance=False)
    prompts = [Prompt(embeds[0], pooled[0])] * 3
    return Inpainter(
        Model(
            unet=FoldedUNet(unet.to(memory_format=torch.channels_last), prompts).eval().requires_grad_(False),
            vae=Vae(vae.requires_grad_(False), device, dtype),
            scheduler={**SCHEDULER, "_class_name": "EulerDiscreteScheduler"},
            kind="LCMScheduler" if few else "",
            size_told=True,
            device=device,
            dtype=dtype,
            tiny=TINY,
        ),
        ROREM_PUBLISHED,
    )


def scene(side: int) -> tuple[np.ndarray, np.ndarray]:
    crop = np.random.default_rng(0).integers(0, 256, (side, side, 3), np.uint8)
    hole = np.zeros((side, side), bool)
    hole[side // 4 : side // 2, side // 4 : side // 2] = True
    return crop, hole


def by_stock(pipeline: StableDiffusionXLInpaintPipeline, side: int, steps: int) -> Callable[[], np.ndarray]:
    crop, hole = scene(side)

    def once() -> np.ndarray:
        made: Any = pipeline(
            prompt="",
            image=Image.fromarray(crop),
            mask_image=Image.fromarray(hole),
            height=side,
            width=side,
            num_inference_steps=steps,
            strength=1.0,
            guidance_scale=1.0,
            generator=torch.Generator().manual_seed(0),
        )
        return np.asarray(made.images[0])

    return once


def by_us(
    inpainter: Inpainter, side: int, steps: int, decoder: Literal["full", "tiny"] = "full"
) -> Callable[[], np.ndarray]:
    crop, hole = scene(side)
    job = Job(crop, hole, np.zeros_like(hole), 0, DiffusionOptions(steps=steps, decoder=decoder))
    return lambda: inpainter.fill(job).crop


def timed(once: Callable[[], np.ndarray], device: torch.device) -> float:
    """Seconds; what comes back is on the CPU, so the device has ended its work."""
    start = time.perf_counter()
    once()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def compare(
    ways: dict[str, Callable[[], np.ndarray]], weights: dict[str, int], calls: int, scale: Scale, device: torch.device
) -> list[Row]:
    """The ways take turns, so that a busy machine is busy for all of them. weights: bytes that each way holds; those of
    the others are taken off its peak."""
    first = {name: timed(way, device) for name, way in ways.items()}
    for _ in range(scale.warm - 1):
        for way in ways.values():
            timed(way, device)
    repeats = scale.repeats if calls < 10 else max(3, scale.repeats // 5)
    peaks: dict[str, int] = {}
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats()
            times[name].append(timed(way, device))
            if device.type == "cuda":
                others = sum(set(weights.values())) - weights[name]
                peaks[name] = torch.cuda.max_memory_allocated() - others
    slowest = statistics.median(times[next(iter(ways))])
    return [
        {
            "what": f"{scale.name}, {scale.side} px: {name}",
            "network_calls": calls,
            "first": first[name],
            "p50": statistics.median(times[name]),
            "p95": sorted(times[name])[round(0.95 * (repeats - 1))],
            "faster": slowest / statistics.median(times[name]),
            "peak_memory": peaks.get(name),
        }
        for name in ways
    ]


def rows() -> list[Row]:
    """Stock eager, stock compiled (on a GPU), ours and ours with the small decoder; in four steps and (on a GPU) in
    fifty."""
    device = compute.device()
    dtype = compute.dtype(device)
    scale = GPU if device.type == "cuda" else CPU
    made: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        AutoencoderTiny().save_pretrained(Path(folder) / TINY.name)
        os.environ["ROREM_WEIGHTS"] = folder
        for few, calls in ((True, 4), (False, 50)) if scale.long else ((True, 4),):
            torch.manual_seed(0)
            with torch.inference_mode():
                pipeline = stock(scale, device, dtype, few)
                inpainter = ours(pipeline, device, dtype, few)
            networks = (pipeline.unet, pipeline.vae, pipeline.text_encoder, pipeline.text_encoder_2)
            of_stock = sum(map(compute.bytes_of, networks))
            ways = {
                "stock": by_stock(pipeline, scale.side, calls),
                "ours": by_us(inpainter, scale.side, calls),
                "ours, small decoder": by_us(inpainter, scale.side, calls, "tiny"),
            }
            weights = {name: of_stock if name == "stock" else inpainter.bytes for name in ways}
            made += compare(ways, weights, calls, scale, device)
            if device.type == "cuda":
                pipeline.unet = torch.compile(pipeline.unet, mode="reduce-overhead")
                compiled = {"stock, compiled": by_stock(pipeline, scale.side, calls), "ours": ways["ours"]}
                weights = {"stock, compiled": of_stock, "ours": inpainter.bytes}
                made += compare(compiled, weights, calls, scale, device)
            del pipeline, inpainter
    return made


def operations() -> list[Row]:
    """Multiplications and additions of SDXL at 512 px, and bytes of weights in half precision; nothing is run."""
    with FakeTensorMode(), torch.no_grad():
        unet = UNet2DConditionModel.from_config(SDXL_UNET)
        vae = AutoencoderKL.from_config(SDXL_VAE)
        sample, text, pooled = torch.randn(1, 9, 64, 64), torch.randn(1, 77, 2048), torch.randn(1, 1280)
        added = {"text_embeds": pooled, "time_ids": torch.ones(1, 6)}
        call = counted(lambda: unet(sample, 500, text, added_cond_kwargs=added))
        encode = counted(lambda: vae.encode(torch.randn(1, 3, 512, 512)))
        decode = counted(lambda: vae.decode(torch.randn(1, 4, 64, 64)))
        clip = CLIPTextModel(CLIPTextConfig(**CLIP_L)), CLIPTextModelWithProjection(CLIPTextConfig(**CLIP_BIGG))
        words = counted(lambda: [one(torch.ones(1, 77, dtype=torch.int64)) for one in clip])
        weights = sum(compute.bytes_of(one) for one in (unet, vae, *clip)) // 2
        prompts = [Prompt(torch.randn(77, 2048), torch.randn(1280)) for _ in range(3)]
        folded = FoldedUNet(unet, prompts)
        table = folded.embedding.table(torch.arange(4), slice(0, 1), (512, 512))
        ours = counted(lambda: folded(sample, table[0], slice(0, 1)))
        held = (compute.bytes_of(folded) + compute.bytes_of(vae)) // 2
    stock_total = words + 2 * encode + 4 * call + decode  # what strength below 1 costs: the photo is encoded as well
    return [
        {"what": "one call of the UNet, stock / folded, TFLOP", "stock": call / 1e12, "ours": ours / 1e12},
        {
            "what": "a removal in 4 calls, stock at strength 0.99 / ours, TFLOP",
            "stock": stock_total / 1e12,
            "ours": (encode + 4 * ours + decode) / 1e12,
        },
        {"what": "weights held, half precision, GB", "stock": weights / 1e9, "ours": held / 1e9},
    ]


def counted(call: Callable[[], object]) -> int:
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops()


def main() -> None:
    device = compute.device()
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"torch {torch.__version__} on {name}, {compute.dtype(device)}, Python {sys.version.split()[0]}")
    for row in [*operations(), *rows()]:
        print("  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in row.items()))


if __name__ == "__main__":
    main()
