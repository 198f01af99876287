"""Where the weights of PowerPaint are published."""

from __future__ import annotations

from rorem.weights import Hub, Part, WeightFile
from rorem.weights.sdxl import UNET, tokenizer_files

BASE_FOLDER = "realisticVisionV60B1_v51VAE"  # inside PowerPaint 2: the Stable Diffusion 1.5 that it guides
BRUSHNET_FOLDER = "PowerPaint_Brushnet"
UNET_FILE = "unet/unet.safetensors"
ENCODER_FILE = "text_encoder/text_encoder.safetensors"
BRUSHNET_FILE = f"{BRUSHNET_FOLDER}/{UNET}.safetensors"
TASK_ENCODER_FILE = f"{BRUSHNET_FOLDER}/pytorch_model.bin"


def weights_of(folder: str, stem: str, pickle: str, half: bool) -> WeightFile:
    """A network's file as it may be there: in half precision (first if `half`), in full, or as a pickle."""
    names = [f"{folder}/{stem}.safetensors", f"{folder}/{stem}.fp16.safetensors"]
    wanted = names.pop(1 if half else 0)
    return WeightFile(wanted, alternatives=(*names, f"{folder}/{pickle}.bin"))


def sd_files(folder: str = "", half: bool = True) -> tuple[WeightFile, ...]:
    """A diffusers folder of Stable Diffusion 1.5. folder: where it lies in its part, with a slash at the end."""
    names = ["model_index.json", "scheduler/scheduler_config.json"]
    names += [f"{name}/config.json" for name in ("text_encoder", "unet", "vae")]
    return (
        *(WeightFile(f"{folder}{name}") for name in names),
        *tokenizer_files(f"{folder}tokenizer/"),
        weights_of(f"{folder}text_encoder", "model", "pytorch_model", half),
        *(weights_of(f"{folder}{name}", UNET, UNET, half) for name in ("unet", "vae")),
    )


V1 = Part(
    "powerpaint-v1",
    "PowerPaint as a diffusers folder",
    Hub("Sanster/PowerPaint-V1-stable-diffusion-inpainting"),
    (*sd_files(), WeightFile("tokenizer/added_tokens.json")),
    roughly=2_130_000_000,
)
V1_ORIGINAL = Part(
    "powerpaint-v1-original",
    "the two networks of PowerPaint as its authors published them",
    Hub("JunhaoZhuang/PowerPaint-v1"),
    (WeightFile(UNET_FILE), WeightFile(ENCODER_FILE)),
    roughly=3_930_000_000,
)
# Its UNet and text encoder are not needed: PowerPaint brings its own. Only their configurations are.
SD_INPAINTING = Part(
    "sd-inpainting",
    "the autoencoder, tokenizer and configuration of Stable Diffusion for inpainting",
    Hub("stable-diffusion-v1-5/stable-diffusion-inpainting"),
    tuple(file for file in sd_files() if file.name.endswith(".json") or file.name.startswith(("vae/", "tokenizer/"))),
    roughly=167_000_000,
)
V2_1 = Part(
    "powerpaint-v2-1",
    "PowerPaint 2 with its BrushNet",
    # Commit, sizes and checksums as zubair-io/Maple pins them, in tools/removal/powerpaint-research-models.json.
    Hub("JunhaoZhuang/PowerPaint-v2-1", "5ae2be3ac38b162df209b7ad5de036d339081e33"),
    (
        WeightFile(BRUSHNET_FILE, bytes=3_544_366_408, sha256="530f2886"),
        WeightFile(TASK_ENCODER_FILE, bytes=492_401_329, sha256="73709b43"),
        *sd_files(f"{BASE_FOLDER}/", half=False),
    ),
    roughly=8_300_000_000,
)
TINY = Part(
    "taesd",
    "a small decoder for Stable Diffusion 1.5",
    Hub("madebyollin/taesd"),
    (WeightFile("config.json"), WeightFile(f"{UNET}.safetensors")),
    roughly=9_800_000,
)
PARTS = (TINY,)  # what no method needs and one can use
