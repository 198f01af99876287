"""Where SDXL for inpainting is published: the base of its family of methods, and of the judge."""

from __future__ import annotations

from rorem.weights.parts import Hub, Part, WeightFile

UNET = "diffusion_pytorch_model"
TOKENIZER = ("vocab.json", "merges.txt", "tokenizer_config.json", "special_tokens_map.json")


def weights_of(stem: str, half: bool) -> WeightFile:
    """A network's file: half precision or full, whole or in shards."""
    names = [f"{stem}.fp16.safetensors", f"{stem}.safetensors"]
    names += [f"{stem}.fp16.safetensors.index.json", f"{stem}.safetensors.index.json"]
    wanted = names.pop(0 if half else 1)
    return WeightFile(wanted, alternatives=tuple(names))


def sdxl_files(half: bool) -> tuple[WeightFile, ...]:
    """A diffusers folder of SDXL for inpainting. half: whether files in half precision have names of their own."""
    configurations = ["model_index.json", "scheduler/scheduler_config.json"]
    configurations += [f"{name}/config.json" for name in ("text_encoder", "text_encoder_2", "unet", "vae")]
    configurations += [f"{folder}/{name}" for folder in ("tokenizer", "tokenizer_2") for name in TOKENIZER]
    networks = ("text_encoder/model", "text_encoder_2/model", f"unet/{UNET}", f"vae/{UNET}")
    return (*map(WeightFile, configurations), *(weights_of(stem, half) for stem in networks))


BASE = Part(
    "sdxl-inpainting",
    "SDXL for inpainting",
    Hub("diffusers/stable-diffusion-xl-1.0-inpainting-0.1"),
    sdxl_files(half=True),
    roughly=6_950_000_000,
)
