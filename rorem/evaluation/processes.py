"""Several processes, one for each GPU, as `accelerate launch` starts them: each takes its share of the samples."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from rorem.errors import Unavailable

LONGEST_WAIT = timedelta(days=7)  # one process may be done long before the slowest


@dataclass(frozen=True)
class Processes:
    """index: of this process. wait: returns when all have come to this point."""

    index: int = 0
    count: int = 1
    wait: Callable[[], None] = lambda: None

    @property
    def first(self) -> bool:
        """The one that speaks, and that writes what is there only once."""
        return self.index == 0

    def share(self, count: int) -> range:
        """Which of `count` samples are this process's."""
        return range(self.index, count, self.count)


def join(environment: Mapping[str, str] = os.environ) -> Processes:
    """The processes that were started together; alone where nothing says that there are more.

    Raises Unavailable where accelerate is not installed.
    """
    if int(environment.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    try:
        import torch
        from accelerate import PartialState
    except ImportError as error:
        raise Unavailable("Several processes need accelerate.", "pip install 'rorem[models]' brings it.") from error
    on_cpu = not torch.cuda.is_available() or environment.get("ROREM_DEVICE") == "cpu"
    state = PartialState(cpu=on_cpu, timeout=LONGEST_WAIT)
    if not on_cpu:  # each process its own GPU, unless somebody chose otherwise
        os.environ.setdefault("ROREM_DEVICE", f"cuda:{state.local_process_index}")
    return Processes(state.process_index, state.num_processes, state.wait_for_everyone)
