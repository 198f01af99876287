"""Where this process runs, as far as it matters to more than one room."""

from __future__ import annotations

import os
from collections.abc import Mapping

ZERO_GPU = "SPACES_ZERO_GPU"


def gpu_is_lent(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Space with ZeroGPU: a GPU is there only inside a call that it was lent for."""
    return environment.get(ZERO_GPU, "").lower() in ("1", "true")
