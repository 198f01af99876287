"""The optimizer that a run asks for, over the weights that train."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim import AdamW, Optimizer

from rorem.errors import BadOptions, Unavailable
from training.settings import LoopSettings


def make_optimizer(model: nn.Module, settings: LoopSettings) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019), fused where the device can, or with its state in 8 bits (Dettmers et al. 2022).

    Raises BadOptions where nothing trains, Unavailable without bitsandbytes.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if not weights:
        raise BadOptions("Nothing in this model is set to train.")
    betas, decay = (settings.beta1, settings.beta2), settings.weight_decay
    if settings.optimizer == "adamw":
        fused = all(weight.device.type == "cuda" for weight in weights)
        return AdamW(weights, settings.lr, betas, settings.eps, decay, fused=fused)
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise Unavailable("adamw8bit needs bitsandbytes.", "pip install bitsandbytes, or --optimizer adamw.") from error
    if not torch.cuda.is_available():
        raise Unavailable("adamw8bit needs a GPU.", "Say --optimizer adamw.")
    return AdamW8bit(weights, settings.lr, betas, settings.eps, decay)
