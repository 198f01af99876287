"""The rules of the queue: how many answers, which of them are checks, and for how long an item is lent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """answers: wanted for an item; `slice_answers` for a fixed share of them, on which agreement is measured.

    gold: share of hand-outs whose answer is known. repeats: share that the same annotator has answered before.
    timeout: seconds after which an item that was handed out comes back. most_answers: for a disputed item. clear: the
    share of the answers that the leading one needs, else the item is disputed. skips: after as many, nobody is asked
    again. distance: hand-outs between an item and its repeat. hold_days: for strangers' photos.
    """

    answers: int = 1
    slice_share: float = 0.15
    slice_answers: int = 3
    gold: float = 0.05
    repeats: float = 0.02
    timeout: float = 600.0
    most_answers: int = 7
    clear: float = 0.75
    skips: int = 3
    distance: int = 20
    hold_days: float = 7.0

    def wanted(self, item: str) -> int:
        """Answers for an item. It is the id alone that says whether an item is of the slice, on every server."""
        in_slice = int(item[:12], 16) / 16**12 < self.slice_share
        return max(self.answers, self.slice_answers) if in_slice else self.answers
