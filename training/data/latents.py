"""Latents that are kept: what each is called, how it is made and how it is packed."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rorem.nets.vae import Vae
from rorem.triplet.record import Triplet, sha256
from training.data.samples import Look
from training.data.settings import DataSettings

VERSION = 1  # of everything that lies between a file and its latents; a change makes all that was kept another's
HEAD = struct.Struct("<BHHff")  # channels, height, width, least and greatest logarithm of the spread
SIZE = struct.Struct("<6i")
LEVELS = 255  # of the spread's logarithm. Over the usual range of a few units a step is a few percent, of faint noise.
TINY = 1e-12  # spread; the logarithm needs more than 0


def keys(
    triplet: Triplet, wanted: bytes | None, how: Look, encoder: str, settings: DataSettings, parts: set[str]
) -> Mapping[str, str]:
    """What a record's latents are called: "result", "masked" or "source", and "mask"; 32 hex digits each.

    A name is made of all that its content depends on: the bytes of the files, the network and its precision, the view.
    So another picture under the same file name has another key. wanted: the file of the result. encoder: see
    `fingerprint_of`.
    """
    hashes = triplet.hashes
    view = [VERSION, encoder, hashes["sha256_source"], hashes["sha256_mask"], how.shape, how.flip]
    view += [settings.crop, settings.zoom, how.variant if settings.crop == "random" else 0]
    if settings.mask_change:
        reach = round(settings.mask_reach * settings.size)
        mask = [how.variant, settings.mask_change, settings.mask_changes, reach]
    else:
        mask = []
    of = {
        "result": ["result", sha256(wanted or b""), settings.cache_spread],
        "source": ["source", settings.cache_spread],
        "masked": ["masked", mask, settings.cache_spread],
        "mask": ["mask", mask],
    }
    return {part: _digest(view + of[part]) for part in parts}


def fingerprint_of(vae: Vae) -> str:
    """Of a network, its settings and its precision; hex, 32 digits."""
    whole = hashlib.sha256(json.dumps([str(vae.dtype), _plain(vae.model.config)], sort_keys=True).encode())
    for name, tensor in sorted(vae.model.state_dict().items()):
        whole.update(f"{name}:{tuple(tensor.shape)}".encode())
        whole.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy())
    return whole.hexdigest()[:32]


@torch.no_grad()
def posterior(vae: Vae, pictures: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and spread (standard deviation) of the latents, float32 (b, 4, h, w), not scaled.

    pictures: float32 (b, 3, H, W) in [-1, 1], on any device.
    """
    found = vae.model.encode(pictures.to(vae.model.device, vae.dtype)).latent_dist
    return found.mean.float(), found.std.float()


def packed(mean: Tensor, spread: Tensor | None) -> bytes:
    """(c, h, w) each. The mean in float16, the spread in 256 steps of its logarithm."""
    channels, high, wide = mean.shape
    whole = mean.half().cpu().numpy().tobytes()
    if spread is None:
        return HEAD.pack(channels, high, wide, 0, 0) + whole
    logs = np.log(spread.float().cpu().numpy() + TINY)
    least, most = float(logs.min()), float(logs.max())
    steps = np.round((logs - least) * (LEVELS / max(most - least, TINY))).astype(np.uint8)
    return HEAD.pack(channels, high, wide, least, most) + whole + steps.tobytes()


def unpacked(data: bytes) -> tuple[Tensor, Tensor | None]:
    """Mean and spread, float32 (c, h, w)."""
    channels, high, wide, least, most = HEAD.unpack_from(data)
    shape, count = (channels, high, wide), channels * high * wide
    mean = np.frombuffer(data, np.float16, count, HEAD.size).astype(np.float32).reshape(shape)
    if len(data) == HEAD.size + 2 * count:
        return torch.from_numpy(mean), None
    steps = np.frombuffer(data, np.uint8, count, HEAD.size + 2 * count).astype(np.float32)
    spread = np.exp(steps * ((most - least) / LEVELS) + least).astype(np.float32).reshape(shape)
    return torch.from_numpy(mean), torch.from_numpy(spread)


def packed_mask(mask: np.ndarray, size: tuple[int, ...]) -> bytes:
    """mask: bool (H, W). size: see `View.told`."""
    return SIZE.pack(*size) + zlib.compress(np.packbits(mask).tobytes(), 1)


def unpacked_mask(data: bytes) -> tuple[Tensor, Tensor]:
    """float32 (1, H, W), 0 or 1; and int64 (6,)."""
    size = SIZE.unpack_from(data)
    high, wide = size[4:]
    bits = np.frombuffer(zlib.decompress(data[SIZE.size :]), np.uint8)
    mask = np.unpackbits(bits, count=high * wide).reshape(1, high, wide)
    return torch.from_numpy(mask).float(), torch.tensor(size)


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _plain(config: Any) -> dict[str, str]:
    return {name: str(value) for name, value in dict(config).items() if not name.startswith("_")}
