"""What a discriminator is taught by: the published loss, and one of probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

Kind = Literal["bce", "mse"]


@dataclass(frozen=True)
class Balance:
    """How much a yes and a no count."""

    yes: float = 1.0
    no: float = 1.0

    @classmethod
    def of(cls, share: float) -> Balance:
        """All yes together count as much as all no. share: of yes, above 0 and below 1."""
        return cls(0.5 / share, 0.5 / (1 - share))


EVEN = Balance()


def losses(logits: Tensor, said: Tensor, kind: Kind, balance: Balance = EVEN) -> Tensor:
    """The loss of each sample, float32 (b,).

    logits: (b,), before the softplus. said: (b,), how likely a yes is, 0 to 1.

    mse: (softplus(z) - s)^2, the published one. With weights it is that of w = yes s + no (1 - s) samples whose share
    of yes is yes s / w: the score becomes one among as many yes as no.
    bce: cross entropy. Weights alone would teach the probability among as many yes as no, too; so the logit is moved
    by the log of their ratio before it is compared, and the network itself comes to say the probability among removals
    as they are: the prior correction of King and Zeng ("Logistic regression in rare events data", Political Analysis
    2001), done while training.
    """
    logits, said = logits.float(), said.float()
    yes, no = balance.yes * said, balance.no * (1 - said)
    if kind == "mse":
        return (yes + no) * (F.softplus(logits) - yes / (yes + no)) ** 2
    moved = logits + log(balance.yes / balance.no)
    return yes * F.softplus(-moved) + no * F.softplus(moved)


def likely(logits: Tensor, kind: Kind) -> Tensor:
    """What the network means by a logit, 0 to 1: a probability, or the published score, cut at 1."""
    logits = logits.float()
    return torch.sigmoid(logits) if kind == "bce" else F.softplus(logits).clamp(max=1)
