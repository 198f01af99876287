"""The learning rate and the average's decay as functions of the step: nothing to keep, nothing to restore."""

from __future__ import annotations

import math

from training.settings import LoopSettings


def learning_rate(step: int, settings: LoopSettings) -> float:
    """For update number `step`, counted from 0. Rises in the warm-up, then stays, or falls towards 0 at the end."""
    if step < settings.warmup:
        return settings.lr * (step + 1) / (settings.warmup + 1)
    left = max(1, settings.steps - settings.warmup)
    done = min(1.0, (step - settings.warmup) / left)
    match settings.schedule:
        case "cosine":
            return settings.lr * (1 + math.cos(math.pi * done)) / 2
        case "linear":
            return settings.lr * (1 - done)
        case _:
            return settings.lr


def ema_decay(updates: int, most: float, power: float) -> float:
    """How much of the average stays after so many updates: 1 - (1 + updates) ** -power, at most `most`.

    The warm-up of k-diffusion's inverse schedule (github.com/crowsonkb/k-diffusion) with gamma 1: early averages
    forget the initial weights quickly.
    """
    return min(most, 1 - (1 + updates) ** -power)
