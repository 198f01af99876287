"""A tiny checkpoint for every part that a metric needs, as ROREM_WEIGHTS wants them: so every metric is ready."""

from __future__ import annotations

from pathlib import Path

from tests.checkpoints.clip import write_clip
from tests.checkpoints.dinov2 import write_dinov2
from tests.checkpoints.lpips import write_lpips
from tests.checkpoints.sam import write_sure_sam


def write_metric_weights(folder: Path) -> None:
    """Writes a folder for each of rorem.metrics.networks.PARTS. About 73 MB, of which VGG16 is 59."""
    for net in ("alex", "vgg", "squeeze"):
        write_lpips(folder, net)
    write_dinov2(folder / "dinov2-base")
    write_dinov2(folder / "dinov2-giant", seed=1, giant=True)
    write_clip(folder / "clip-vit-large-patch14-336")
    write_sure_sam(folder / "sam-vit-huge")
