"""Loading methods before the first visitor asks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rorem.errors import RoremError
from rorem.hosting import gpu_is_lent
from rorem.methods import catalog
from rorem.ui import zero_gpu

log = logging.getLogger(__name__)


def warm_up(ids: Iterable[str]) -> list[str]:
    """Loads methods and lets each do a small piece of work, so that what a first call costs is paid.

    Where GPUs are lent, this has to be done before the server starts: Hugging Face looks for what wants one, and takes
    the weights that were put on a GPU, at that moment. Returns the
    sentences of those that cannot run here; the log has them, too."""
    troubles = []
    if gpu_is_lent():
        zero_gpu.on_gpu()
    for id in ids:
        try:
            method = catalog.load(id)
            if gpu_is_lent():  # weights go to the GPU when they are loaded; work is not possible there and then
                getattr(method.remover, "place", lambda: None)()
            elif hasattr(method.remover, "warm_up"):
                method.remover.warm_up(max(method.traits.native))  # type: ignore[attr-defined]
        except RoremError as error:
            log.warning("%s could not be made ready: %s", id, error.advice)
            troubles.append(error.advice)
        except Exception as error:  # the page works without this method
            log.exception("%s could not be made ready", id)
            troubles.append(f"{id} could not be made ready: {error!r}.")
    return troubles
