"""Trains RORem's discriminator, the suite's judge.

accelerate launch training/train_discriminator.py --config training/configs/discriminator_ours.yaml --base FOLDER
--labels LABELS
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training import command
from training.discriminator_settings import DiscriminatorSettings
from training.discriminator_task import DiscriminatorTask

ABOUT = "Teaches a network what people think of removals, from triplets of photo, mask and result and their answers."


def main(given: Sequence[str] | None = None) -> int:
    return command.run(DiscriminatorSettings, DiscriminatorTask, ABOUT, given)


if __name__ == "__main__":
    sys.exit(main())
