"""Where the weights of the SDXL-inpainting family are published."""

from __future__ import annotations

from rorem.weights import ByHand, Hub, Part, WeightFile

DRIVE = "https://drive.google.com/drive/folders/"
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
)
ROREM = Part("rorem", "RORem as a diffusers folder", Hub("LetsThink/RORem", "22d02de"), sdxl_files(half=False))
ROREM_UNET = Part(
    "rorem-unet",
    "the UNet of RORem",
    ByHand(f"{DRIVE}1-ZOLMkifypR2SW0n4pOw6_0iIuHu2Ovy"),
    (WeightFile("config.json"), weights_of(UNET, half=False)),
)
MIXED_UNET = Part(
    "rorem-mixed-unet",
    "the UNet of RORem-mixed",
    ByHand(f"{DRIVE}1G46Rs0-fZvoJ55OLQrC35dbRohFM917z"),
    (WeightFile("config.json"), weights_of(UNET, half=False)),
)
LCM_LORA = Part(
    "rorem-lcm-lora",
    "the LoRA that lets RORem run in four steps",
    ByHand(f"{DRIVE}1QK8qcqT7SKRzD2AyGtgfwWwlQrUesAc1"),
    (WeightFile("pytorch_lora_weights.safetensors"),),
)
TINY = Part(
    "taesdxl",
    "a small decoder for SDXL",
    Hub("madebyollin/taesdxl"),
    (WeightFile("config.json"), WeightFile(f"{UNET}.safetensors")),
)
