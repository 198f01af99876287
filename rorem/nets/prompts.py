"""Prompt embeddings. A removal's prompts never change, so they are worked out once and kept in a small file; the text
encoders are not loaded again."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rorem.errors import BadWeights
from rorem.nets.folded import Prompt
from rorem.nets.folder import quiet, unreadable, variant
from rorem.nets.reading import read_tensors

log = logging.getLogger(__name__)
LAST_BUT_ONE = -2  # the hidden layer of both encoders that SDXL was trained on


@torch.inference_mode()
def sdxl_prompts(folder: Path, texts: Sequence[str]) -> list[Prompt]:
    """Texts through both encoders of an SDXL folder, in float32: embeds (77, 2048), pooled (1280,).

    Podell et al. 2023, section 2.1: the last but one layer of both, side by side, and the second's pooled output.
    Raises BadWeights.
    """
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    kinds = (("", CLIPTextModel), ("_2", CLIPTextModelWithProjection))
    halves, pooled = [], None
    for suffix, kind in kinds:
        encoder = text_encoder(folder / f"text_encoder{suffix}", kind)
        ids = token_ids(folder / f"tokenizer{suffix}", texts)
        told = encoder(ids, output_hidden_states=True)
        halves.append(told.hidden_states[LAST_BUT_ONE])
        pooled = told[0]
    assert pooled is not None
    embeds = torch.cat(halves, dim=-1)
    return [Prompt(*both) for both in zip(embeds, pooled, strict=True)]


def kept_sdxl_prompts(folder: Path, texts: Sequence[str], environment: Mapping[str, str] = os.environ) -> list[Prompt]:
    """As `sdxl_prompts`, but the text encoders are loaded only the first time; see `kept`."""
    parts = [folder / name for name in ("text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2")]
    return kept(parts, texts, lambda: sdxl_prompts(folder, texts), spare(environment))


@torch.inference_mode()
def sd_prompts(folder: Path, texts: Sequence[str]) -> list[Prompt]:
    """Texts through the one encoder of a Stable Diffusion 1.x folder, in float32: embeds (77, 768).

    Raises BadWeights.
    """
    from transformers import CLIPTextModel

    encoder = text_encoder(folder / "text_encoder", CLIPTextModel)
    return [Prompt(embeds) for embeds in encoder(token_ids(folder / "tokenizer", texts))[0]]


def text_encoder(folder: Path, kind: Any) -> Any:
    """A CLIP text encoder of transformers in float32. Raises BadWeights where the folder does not hold one."""
    quiet()
    try:
        model, told = kind.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, output_loading_info=True, variant=variant(folder)
        )
    except Exception as error:
        raise unreadable(error, f"The text encoder in {folder}") from error
    if told["missing_keys"]:
        raise BadWeights(f"The text encoder in {folder} lacks {sorted(told['missing_keys'])[0]}.")
    return model.eval()


def token_ids(folder: Path, texts: Sequence[str]) -> Tensor:
    """int64 (texts, 77), padded as the folder's tokenizer says. Raises BadWeights."""
    from transformers import CLIPTokenizer

    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise unreadable(error, f"The tokenizer in {folder}") from error
    length = min(tokenizer.model_max_length, 77)
    return tokenizer(
        list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt"
    ).input_ids


def kept(folders: Sequence[Path], texts: Sequence[str], make: Callable[[], list[Prompt]], spare: Path) -> list[Prompt]:
    """The prompts from their file, or from `make`, which are then kept for next time.

    folders: of the encoders and tokenizers that make them; the file's name holds a hash of what lies there and of the
    texts. It is hidden, as it is no part of what was published. It is written beside the first folder, or where that
    cannot be written to, into `spare`.
    """
    name = f".prompts-{fingerprint(folders, texts)}.safetensors"
    places = (folders[0].parent / name, spare / name)
    for place in places:
        if place.is_file():
            try:
                return _read(place, len(texts))
            except (BadWeights, KeyError) as error:
                log.warning("kept prompts are made again: %s", error)
    prompts = make()
    for place in places:
        if _written(place, prompts):
            break
    return prompts


def spare(environment: Mapping[str, str] = os.environ) -> Path:
    """Where prompts are kept when the weights' own folder cannot be written to."""
    return Path(environment.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "rorem" / "prompts"


def fingerprint(folders: Sequence[Path], texts: Sequence[str]) -> str:
    """32 digits that change with the texts, the small files of the folders and the identity of the large ones."""
    digest = hashlib.sha256(json.dumps(list(texts)).encode())
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if not file.is_file():
                continue
            status = file.stat()
            digest.update(f"{folder.name}/{file.name} {status.st_size}".encode())
            small = status.st_size < 4_000_000  # configurations and vocabularies; weights would take seconds
            digest.update(file.read_bytes() if small else str(status.st_mtime_ns).encode())
    return digest.hexdigest()[:32]


def _read(file: Path, count: int) -> list[Prompt]:
    tensors = read_tensors(file)
    return [Prompt(tensors[f"embeds.{index}"], tensors.get(f"pooled.{index}")) for index in range(count)]


def _written(place: Path, prompts: Sequence[Prompt]) -> bool:
    from safetensors.torch import save

    from rorem.files import write_whole

    tensors = {f"embeds.{index}": prompt.embeds.contiguous() for index, prompt in enumerate(prompts)}
    tensors |= {
        f"pooled.{index}": prompt.pooled.contiguous()
        for index, prompt in enumerate(prompts)
        if prompt.pooled is not None
    }
    if not os.access(place.parent, os.W_OK) and place.parent.exists():
        return False
    try:
        write_whole(place, save(tensors))
    except OSError as error:
        log.info("the prompts could not be kept: %s", error)
        return False
    return True
