"""Asking the Hub again after a while, where it is busy or has a fault."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from rorem.labels.hub_trouble import Conflict, HubTrouble, NoRepository

Given = TypeVar("Given")
FIRST, LONGEST = 2.0, 120.0  # s; doubled each time
TRIES = 8  # about five minutes in all, unless the Hub asks for more
MOST = 3600.0  # s that it waits at once when the Hub asks for it


@dataclass(frozen=True)
class Patience:
    """How long to wait. on_wait: told of the trouble and the seconds; may raise, to stop. sleep, chance: for tests."""

    on_wait: Callable[[HubTrouble, float], None] = lambda trouble, seconds: None
    sleep: Callable[[float], None] = time.sleep
    chance: random.Random = field(default_factory=random.Random)
    tries: int = TRIES

    def __call__(self, ask: Callable[[], Given]) -> Given:
        """What `ask` gives. Raises HubTrouble at once where the token was refused, where there is no such data set and
        where somebody else was quicker (Conflict); any other when it stays."""
        for number in range(self.tries):
            try:
                return ask()
            except (Conflict, NoRepository):
                raise
            except HubTrouble as trouble:
                if trouble.refused or number == self.tries - 1:
                    raise
                pause = min(LONGEST, FIRST * 2**number) * self.chance.uniform(0.5, 1.0)
                pause = min(MOST, max(pause, trouble.wait))
                self.on_wait(trouble, pause)
                self.sleep(pause)
        raise AssertionError("a number of tries")
