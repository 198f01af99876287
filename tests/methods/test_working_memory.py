"""What the memory ladder assumes of working memory, held against a count on SDXL at its real size. Nothing is run."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rorem.methods.diffusion import DECODER_MAPS, MAPS
from rorem.nets.folded import FoldedUNet, Prompt
from tests.checkpoints.full_size import SDXL_UNET, SDXL_VAE


class Peak(TorchDispatchMode):
    """Counts the bytes of all tensors that live at once, without those of the modules' weights."""

    def __init__(self, *modules: torch.nn.Module) -> None:
        super().__init__()
        self.live = self.bytes = 0
        weights = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
        self._known = {tensor.untyped_storage()._cdata: 0 for tensor in weights}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                self._see(tensor.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known[key] = storage.nbytes()
        self.live += storage.nbytes()
        self.bytes = max(self.bytes, self.live)
        weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.live -= self._known.pop(key, 0)


@pytest.fixture(scope="module")
def peaks() -> dict[str, float]:
    """For a crop of 512 px: of the UNet in maps of its first width at latent size, of the decoder in maps of twice its
    first width at full size."""
    with FakeTensorMode(), torch.no_grad():
        unet, vae = UNet2DConditionModel.from_config(SDXL_UNET), AutoencoderKL.from_config(SDXL_VAE)
        folded = FoldedUNet(unet, [Prompt(torch.randn(77, 2048), torch.randn(1280))] * 3)
        table = folded.embedding.table(torch.arange(2), slice(0, 1), (512, 512))
        sample, latents = torch.randn(1, 9, 64, 64), torch.randn(1, 4, 64, 64)

        def of(call: Callable[[], object]) -> int:
            with Peak(folded, vae) as peak:
                call()
            return peak.bytes

        return {
            "unet": of(lambda: folded(sample, table[0], slice(0, 1))) / (4 * 320 * 64 * 64),
            "decoder": of(lambda: vae.decode(latents)) / (4 * 256 * 512 * 512),
            "encoder": of(lambda: vae.encode(torch.randn(1, 3, 512, 512))) / (4 * 256 * 512 * 512),
        }


def test_the_ladder_assumes_more_than_is_needed_but_not_twice_as_much(peaks: dict[str, float]) -> None:
    assert peaks["unet"] < MAPS < 2 * peaks["unet"]
    assert max(peaks["decoder"], peaks["encoder"]) < DECODER_MAPS < 2 * peaks["decoder"]
