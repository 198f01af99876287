"""The one list of metrics. It answers without loading anything."""

from __future__ import annotations

from importlib.util import find_spec

from rorem.errors import BadOptions
from rorem.metrics import (
    cfd,
    clip,
    cmmd,
    dino,
    lpips,
    psnr,
    rc_s,
    remove,
    rorem_style,
    rorem_style_networks,
    seam,
    ssim,
    texture,
)
from rorem.metrics.contract import Metric, SetMetric
from rorem.weights import locate

# In the order of a table: what every reader knows, what needs a truth, what does not, what is there to compare with.
METRICS: tuple[Metric, ...] = (
    *psnr.METRICS,
    *ssim.METRICS,
    *texture.METRICS,
    *lpips.METRICS,
    *seam.METRICS,
    *dino.METRICS,
    *clip.METRICS,
    *rc_s.METRICS,
    *remove.METRICS,
    *cfd.METRICS,
    *rorem_style.METRICS,
    *rorem_style_networks.METRICS,
)
SET_METRICS: tuple[SetMetric, ...] = (*cmmd.SET_METRICS,)


def find(id: str) -> Metric | SetMetric:
    """The metric with this id. Raises BadOptions, naming the ids there are."""
    every = (*METRICS, *SET_METRICS)
    found = next((one for one in every if one.id == id), None)
    if found is None:
        raise BadOptions(f"There is no metric called {id!r}.", f"Choose from: {', '.join(one.id for one in every)}.")
    return found


def obstacle(metric: Metric | SetMetric) -> str:
    """Why a metric cannot be measured here, in one plain sentence; "" if it can."""
    if absent := [name for name in metric.packages if find_spec(name) is None]:
        return f"It needs the package {absent[0]}, which pip install 'rorem[models]' brings."
    if missing := [part.name for part in metric.parts if locate(part) is None]:
        return f"Its weights are not on this machine: rorem weights pull {missing[0]}"
    return ""
