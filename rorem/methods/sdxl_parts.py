"""Where the weights of the SDXL-inpainting family are published."""

from __future__ import annotations

from rorem.weights import ByHand, Hub, Part, WeightFile
from rorem.weights.sdxl import BASE, UNET, sdxl_files, weights_of

__all__ = ["BASE", "LCM_LORA", "MIXED_UNET", "ROREM", "ROREM_UNET", "TINY"]

DRIVE = "https://drive.google.com/drive/folders/"

ROREM = Part(
    "rorem", "RORem as a diffusers folder", Hub("LetsThink/RORem", "22d02de"), sdxl_files(half=False), 6_500_000_000
)
ROREM_UNET = Part(
    "rorem-unet",
    "the UNet of RORem",
    ByHand(f"{DRIVE}1-ZOLMkifypR2SW0n4pOw6_0iIuHu2Ovy"),
    (WeightFile("config.json"), weights_of(UNET, half=False)),
    roughly=10_270_000_000,
)
MIXED_UNET = Part(
    "rorem-mixed-unet",
    "the UNet of RORem-mixed",
    ByHand(f"{DRIVE}1G46Rs0-fZvoJ55OLQrC35dbRohFM917z"),
    (WeightFile("config.json"), weights_of(UNET, half=False)),
    roughly=10_270_000_000,
)
LCM_LORA = Part(
    "rorem-lcm-lora",
    "the LoRA that lets RORem run in four steps",
    ByHand(f"{DRIVE}1QK8qcqT7SKRzD2AyGtgfwWwlQrUesAc1"),
    (WeightFile("pytorch_lora_weights.safetensors"),),
    roughly=787_000_000,
)
TINY = Part(
    "taesdxl",
    "a small decoder for SDXL",
    Hub("madebyollin/taesdxl"),
    (WeightFile("config.json"), WeightFile(f"{UNET}.safetensors")),
    roughly=9_800_000,
)
PARTS = (TINY,)  # what no method needs and one can use
