"""Every tiny checkpoint in one folder, as ROREM_WEIGHTS wants it: so every method of the catalog is ready."""

from __future__ import annotations

from pathlib import Path

from tests.checkpoints.discriminator import write_discriminator
from tests.checkpoints.lama import write_lama
from tests.checkpoints.migan import write_migan
from tests.checkpoints.powerpaint import write_powerpaint_v1, write_powerpaint_v2
from tests.checkpoints.sdxl import write_lcm_lora, write_sdxl, write_unet


def write_all(folder: Path) -> None:
    """Writes a folder for each part that some method needs."""
    write_sdxl(folder / "sdxl-inpainting")
    write_unet(folder / "rorem-unet", sharded=True)
    write_unet(folder / "rorem-mixed-unet", seed=5)
    write_lcm_lora(folder / "rorem-lcm-lora", folder / "rorem-unet")
    write_discriminator(folder / "rorem-discriminator", folder / "sdxl-inpainting" / "unet")
    write_lama(folder / "big-lama", "torchscript")
    write_migan(folder / "migan")
    write_powerpaint_v1(folder / "powerpaint-v1")
    write_powerpaint_v2(folder / "powerpaint-v2-1")
