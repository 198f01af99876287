"""What a run leaves to be read: log.jsonl, curves for a tracker, and validation pictures."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from training.settings import LoopSettings
from training.task import Validation

if TYPE_CHECKING:
    from accelerate import Accelerator

log = logging.getLogger(__name__)
LOG = "log.jsonl"
PLAIN = (bool, int, float, str)  # what TensorBoard takes of settings
TOLD = 20  # bad records that are named; the others are only counted


class Record:
    """Written by the main process alone. After a resume the log goes on behind the checkpoint's step."""

    def __init__(self, settings: LoopSettings, accelerator: Accelerator, step: int) -> None:
        """step: where the run begins; later lines of an earlier go are cut away."""
        self._settings, self._accelerator = settings, accelerator
        self._bad: set[str] = set()
        self._file = None
        if accelerator.is_main_process:
            path = settings.out / LOG
            kept = [line for line in _lines(path) if json.loads(line)["step"] <= step] if step else []
            partial = path.with_name(f".{LOG}")
            partial.write_text("".join(f"{line}\n" for line in kept), "utf-8")
            os.replace(partial, path)
            self._file = path.open("a", encoding="utf-8")
        if settings.tracker != "none":
            told = settings.model_dump(mode="json")
            plain = {name: value if isinstance(value, PLAIN) else str(value) for name, value in told.items()}
            accelerator.init_trackers("rorem", config=plain)

    def add(self, told: Mapping[str, Any]) -> None:
        """A step's numbers: to the log, the tracker and, in short, the terminal."""
        self._write(told)
        curves = {name: value for name, value in told.items() if name != "step" and value is not None}
        self._accelerator.log(curves, step=told["step"])
        if self._accelerator.is_main_process:
            rate, waiting = told["samples_per_second"], told["waiting"]
            mfu = f", MFU {told['mfu']:.0%}" if told.get("mfu") else ""
            steps = f"{told['step']}/{self._settings.steps}"
            log.info("%s  loss %.5f  %.1f img/s%s, waiting %.0f %%", steps, told["loss"], rate, mfu, 100 * waiting)

    def add_validation(self, step: int, validation: Validation) -> None:
        self._write({"step": step, "validation": dict(validation.metrics)})
        self._accelerator.log({f"validation/{name}": value for name, value in validation.metrics.items()}, step=step)
        if validation.picture is not None and self._accelerator.is_main_process:
            from PIL import Image

            folder = self._settings.out / "validation"
            folder.mkdir(exist_ok=True)
            Image.fromarray(validation.picture).save(folder / f"step-{step:06d}.png")

    def bad(self, sentences: Sequence[str]) -> int:
        """Names records that could not be read, the first ones; how many are new. They come again in every epoch."""
        before = len(self._bad)
        for sentence in sentences:
            if sentence not in self._bad and len(self._bad) < TOLD:
                log.warning("%s", sentence)
            self._bad.add(sentence)
        return len(self._bad) - before

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._settings.tracker != "none":
            self._accelerator.end_training()

    def _write(self, told: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(told) + "\n")
            self._file.flush()


def _lines(path: Any) -> list[str]:
    """Whole lines; one that a kill tore off is left out."""
    if not path.exists():
        return []
    return [line for line in path.read_text("utf-8").split("\n")[:-1] if line.startswith("{") and line.endswith("}")]
