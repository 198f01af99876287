"""Loading methods before the first visitor asks for them."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rorem.errors import RoremError
from rorem.methods import catalog
from rorem.ui import zero_gpu

log = logging.getLogger(__name__)


def warm_up(ids: Iterable[str]) -> list[str]:
    """Loads methods and lets each do a small piece of work, so that what a first call costs is paid. Returns the
    sentences of those that cannot run here, which the operator should read."""
    troubles = []
    if zero_gpu.active():
        zero_gpu.on_gpu()
    for id in ids:
        try:
            method = catalog.load(id)
            if zero_gpu.active():  # weights go to the GPU when they are loaded; work is not possible there and then
                getattr(method.remover, "place", lambda: None)()
            elif hasattr(method.remover, "warm_up"):
                method.remover.warm_up(max(method.traits.native))  # type: ignore[attr-defined]
        except RoremError as error:
            log.warning("%s could not be made ready: %s", id, error.advice)
            troubles.append(error.advice)
    return troubles
