"""What the published folders are made of: a tokenizer, a text encoder, a VAE, a scheduler, each tiny and seeded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from tests.checkpoints.full_size import CLIP_BIGG, CLIP_L, Config

Tensors = dict[str, torch.Tensor]
Shapes = dict[str, tuple[int, ...]]

BEGIN, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ("empty", "scene", "blur", "high", "quality", "photo", "object")  # have tokens of their own; all else is spelt
CONTEXT = 77
POSITIONS = "text_model.embeddings.position_ids"  # a buffer that old files have and new models do not
FP16 = "fp16"  # the variant under which half precision is published


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """torch draws from this seed inside and goes on afterwards as if nothing had been drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")


def write_tensors(path: Path, tensors: Tensors, dtype: torch.dtype = torch.float32) -> None:
    """As safetensors, marked as torch's as all published files are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(cast(tensors, dtype), path, metadata={"format": "pt"})


def write_pickle(path: Path, tensors: Tensors, dtype: torch.dtype = torch.float32) -> None:
    """As torch.save does it, which is how .bin and .pt files are made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(cast(tensors, dtype), path)


def cast(tensors: Tensors, dtype: torch.dtype) -> Tensors:
    """In this precision, except whole numbers."""
    return {name: (t.to(dtype) if t.is_floating_point() else t).contiguous() for name, t in tensors.items()}


def shapes_in(folder: Path) -> Shapes:
    """Of all tensors in the safetensors files of a folder, shards or not."""
    found: Shapes = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            names = file.keys()
            found |= {name: tuple(file.get_slice(name).get_shape()) for name in names}
    return found


def draw(shapes: Mapping[str, tuple[int, ...]], scale: float) -> Tensors:
    """Normal random tensors; inside `seeded` the same ones each time."""
    return {name: torch.randn(shape) * scale for name, shape in shapes.items()}


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """CLIP's vocabulary and merges with a handful of words: bytes, bytes that end a word, words, begin and end."""
    letters = [*map(chr, (*range(33, 127), *range(161, 173), *range(174, 256)))]
    letters += [chr(256 + n) for n in range(256 - len(letters))]  # stand for the bytes that cannot be printed
    merges: dict[tuple[str, str], None] = {}
    for word in WORDS:
        symbols = [*word[:-1], f"{word[-1]}</w>"]
        for n in range(1, len(symbols)):
            merges["".join(symbols[:n]), symbols[n]] = None
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(pair) for pair in merges), BEGIN, END]
    return {token: number for number, token in enumerate(tokens)}, [*merges]


VOCABULARY = len(vocabulary()[0])


def write_tokenizer(folder: Path, *, pad: str = END, added: Iterable[str] = ()) -> None:
    """A tokenizer that spells any prompt. added: further tokens, as transformers 4 saves them."""
    numbers, merges = vocabulary()
    write_json(folder / "vocab.json", numbers)
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *map(" ".join, merges), ""]), "utf-8")
    special = {"bos_token": BEGIN, "eos_token": END, "unk_token": END, "pad_token": pad}
    write_json(folder / "special_tokens_map.json", special)
    settings: dict[str, object] = {**special, "tokenizer_class": "CLIPTokenizer", "model_max_length": CONTEXT}
    if extra := {token: len(numbers) + n for n, token in enumerate(added)}:
        write_json(folder / "added_tokens.json", extra)
        plain = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False, "special": False}
        settings["added_tokens_decoder"] = {str(n): {"content": token, **plain} for token, n in extra.items()}
    write_json(folder / "tokenizer_config.json", settings)


def tiny_clip(full: Config, width: int, rows: int = VOCABULARY) -> Config:
    """A text encoder's configuration with two layers of this width and a table of so many tokens."""
    small = {"hidden_size": width, "intermediate_size": 2 * width, "projection_dim": width, "vocab_size": rows}
    return {**full, **small, "num_hidden_layers": 2, "num_attention_heads": 2}


def text_encoder(config: Config, projected: bool = False) -> Tensors:
    """Its tensors under the names of the published files, which transformers 4 wrote."""
    made = (CLIPTextModelWithProjection if projected else CLIPTextModel)(CLIPTextConfig(**config))
    level = "" if projected else "text_model."
    return {POSITIONS: torch.arange(CONTEXT)[None], **{f"{level}{name}": t for name, t in made.state_dict().items()}}


def write_text_encoder(
    folder: Path, config: Config, *, projected: bool = False, variant: bool = False, dtype: torch.dtype = torch.float32
) -> None:
    write_text_encoder_config(folder, config, projected=projected, dtype=dtype)
    name = f"model.{FP16}.safetensors" if variant else "model.safetensors"
    write_tensors(folder / name, text_encoder(config, projected), dtype)


def write_text_encoder_config(folder: Path, config: Config, *, projected: bool, dtype: torch.dtype) -> None:
    kind = "CLIPTextModelWithProjection" if projected else "CLIPTextModel"
    more = {"architectures": [kind], "model_type": "clip_text_model", "torch_dtype": str(dtype).removeprefix("torch.")}
    write_json(folder / "config.json", {**config, **more})


def tiny_vae(full: Config) -> Config:
    """A VAE's configuration with the same factor of 8 and hardly any channels."""
    return {**full, "block_out_channels": (8, 16, 16, 16), "layers_per_block": 1, "norm_num_groups": 8}


def vae(config: Config) -> AutoencoderKL:
    """One that decodes whatever it is given to mid-grey with a soft texture, about 20 levels strong."""
    made = AutoencoderKL(**config)
    last: Any = made.decoder.conv_out
    with torch.no_grad():
        last.weight -= last.weight.mean(dim=(1, 2, 3), keepdim=True)
        last.weight *= 0.5
        last.bias.zero_()
    return made


def save_network(
    network: AutoencoderKL | UNet2DConditionModel,
    folder: Path,
    *,
    variant: bool = False,
    dtype: torch.dtype = torch.float32,
    shard: str = "10GB",
    safe: bool = True,
) -> None:
    """safe: as safetensors, else as a pickle with the name .bin."""
    torch.nn.Module.to(network, dtype=dtype)  # diffusers' own advises against what is meant here
    named = FP16 if variant else None
    network.save_pretrained(folder, variant=named, max_shard_size=shard, safe_serialization=safe)


def write_model_index(folder: Path, pipeline: str, **parts: object) -> None:
    """parts: of the pipeline, other than the four that all have, and its settings."""
    shared = {
        "text_encoder": ("transformers", "CLIPTextModel"),
        "tokenizer": ("transformers", "CLIPTokenizer"),
        "unet": ("diffusers", "UNet2DConditionModel"),
        "vae": ("diffusers", "AutoencoderKL"),
    }
    written = {"_class_name": pipeline, "_diffusers_version": "0.26.0.dev0", **parts, **shared}
    write_json(folder / "model_index.json", written)


def write_scheduler(folder: Path, kind: str, **settings: object) -> None:
    """With the noise schedule that all Stable Diffusion models share."""
    shared = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}
    shared |= {"trained_betas": None, "prediction_type": "epsilon", "steps_offset": 1, "timestep_spacing": "leading"}
    written = {"_class_name": kind, "_diffusers_version": "0.26.0.dev0", **shared, **settings}
    write_json(folder / "scheduler_config.json", written)


TINY_CLIP_L = tiny_clip(CLIP_L, 16)
TINY_CLIP_BIGG = tiny_clip(CLIP_BIGG, 32)
