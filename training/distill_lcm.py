"""Distils RORem into a LoRA that works in four steps.

accelerate launch training/distill_lcm.py --config training/configs/lcm_paper.yaml --base FOLDER --data SET
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training import command
from training.lcm_settings import LcmSettings
from training.lcm_task import LcmTask

ABOUT = "Teaches a LoRA on RORem's UNet to remove in four steps what the UNet removes in fifty."


def main(given: Sequence[str] | None = None) -> int:
    return command.run(LcmSettings, LcmTask, ABOUT, given)


if __name__ == "__main__":
    sys.exit(main())
