"""Where SDXL for inpainting is published: the base of its family of methods, and of the judge."""

from __future__ import annotations

from rorem.weights.parts import Hub, Part, WeightFile

UNET = "diffusion_pytorch_model"
# A tokenizer's files, and for each the one in which newer libraries keep the same.
TOKENIZER = {
    "vocab.json": "tokenizer.json",
    "merges.txt": "tokenizer.json",
    "special_tokens_map.json": "tokenizer_config.json",
    "tokenizer_config.json": "",
}


def weights_of(stem: str, half: bool) -> WeightFile:
    """A network's file: half precision or full, whole or in shards."""
    names = [f"{stem}.fp16.safetensors", f"{stem}.safetensors"]
    names += [f"{stem}.fp16.safetensors.index.json", f"{stem}.safetensors.index.json"]
    wanted = names.pop(0 if half else 1)
    return WeightFile(wanted, alternatives=tuple(names))


def tokenizer_files(folder: str) -> tuple[WeightFile, ...]:
    """folder: where it lies in its part, with a slash at the end."""
    newer = ((name, (f"{folder}{other}",) if other else ()) for name, other in TOKENIZER.items())
    return tuple(WeightFile(f"{folder}{name}", alternatives=others) for name, others in newer)


def sdxl_files(half: bool) -> tuple[WeightFile, ...]:
    """A diffusers folder of SDXL for inpainting. half: whether files in half precision have names of their own."""
    configurations = ["model_index.json", "scheduler/scheduler_config.json"]
    configurations += [f"{name}/config.json" for name in ("text_encoder", "text_encoder_2", "unet", "vae")]
    networks = ("text_encoder/model", "text_encoder_2/model", f"unet/{UNET}", f"vae/{UNET}")
    tokenizers = (file for folder in ("tokenizer", "tokenizer_2") for file in tokenizer_files(f"{folder}/"))
    return (*map(WeightFile, configurations), *tokenizers, *(weights_of(stem, half) for stem in networks))


BASE = Part(
    "sdxl-inpainting",
    "SDXL for inpainting",
    Hub("diffusers/stable-diffusion-xl-1.0-inpainting-0.1"),
    sdxl_files(half=True),
    roughly=6_950_000_000,
)
