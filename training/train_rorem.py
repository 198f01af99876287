"""Trains RORem.

accelerate launch training/train_rorem.py --config training/configs/rorem_paper.yaml --base FOLDER --data SET
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training import command
from training.rorem_settings import RoremSettings
from training.rorem_task import RoremTask

ABOUT = "Teaches SDXL for inpainting to remove what is marked, from triplets of photo, mask and result."


def main(given: Sequence[str] | None = None) -> int:
    return command.run(RoremSettings, RoremTask, ABOUT, given)


if __name__ == "__main__":
    sys.exit(main())
