"""The discriminator's losses against closed forms and torch's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from training.discriminator_loss import EVEN, Balance, Kind, likely, losses

LOGITS = torch.tensor([-3.0, -0.5, 0.0, 1.0, 40.0])
SAID = torch.tensor([0.0, 1.0, 0.25, 0.75, 1.0])


def test_the_published_loss_is_the_squared_error_of_a_softplus() -> None:
    wanted = (torch.log1p(torch.exp(LOGITS)) - SAID) ** 2
    torch.testing.assert_close(losses(LOGITS, SAID, "mse"), wanted)
    assert float(wanted[4]) > 1000  # far above 1, which a score should not be


def test_the_other_is_torchs_cross_entropy() -> None:
    wanted = F.binary_cross_entropy_with_logits(LOGITS, SAID, reduction="none")
    torch.testing.assert_close(losses(LOGITS, SAID, "bce"), wanted)


def test_of_classes_with_unequal_numbers_each_counts_as_much() -> None:
    said = torch.tensor([1.0, 0.0, 0.0, 0.0])
    balance = Balance.of(0.25)
    weights = balance.yes * said + balance.no * (1 - said)
    assert float(weights[0]) == pytest.approx(float(weights[1:].sum())) and float(weights.mean()) == pytest.approx(1)
    torch.testing.assert_close(losses(LOGITS[:4], said, "mse", balance), weights * (F.softplus(LOGITS[:4]) - said) ** 2)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("truth", [0.05, 0.5, 0.9])
def test_a_balanced_cross_entropy_still_teaches_the_probability(share: float, truth: float) -> None:
    """Removals that look alike and of which a share `truth` is good: that is what has the least loss."""
    told = torch.linspace(0.005, 0.995, 199)
    loss = losses(torch.logit(told), torch.full_like(told, truth), "bce", Balance.of(share))
    assert float(told[loss.argmin()]) == pytest.approx(truth, abs=0.003)


def test_soft_labels_are_a_mixture_of_hard_ones() -> None:
    """The gradient of a label of 0.3 is that of three yes and seven no."""

    def slope(said: Tensor, logits: Tensor, kind: Kind, balance: Balance) -> Tensor:
        logits = logits.clone().requires_grad_()
        losses(logits.expand(len(said)), said, kind, balance).mean().backward()
        assert logits.grad is not None
        return logits.grad

    hard = torch.tensor([1.0] * 3 + [0.0] * 7)
    kinds: tuple[Any, ...] = ("bce", "mse")
    for kind in kinds:
        for balance in (EVEN, Balance.of(0.2)):
            soft = slope(torch.tensor([0.3]), torch.tensor(0.4), kind, balance)
            torch.testing.assert_close(slope(hard, torch.tensor(0.4), kind, balance), soft)


def test_scores_are_probabilities_or_cut_at_one() -> None:
    torch.testing.assert_close(likely(LOGITS, "bce"), torch.sigmoid(LOGITS))
    assert likely(LOGITS, "mse").tolist()[4] == 1
    torch.testing.assert_close(likely(LOGITS, "mse")[:2], torch.log1p(torch.exp(LOGITS[:2])))
    # What the card says: the judge's raw score r is a probability of 1 - exp(-r).
    torch.testing.assert_close(1 - torch.exp(-F.softplus(LOGITS)), likely(LOGITS, "bce"))
