"""What a finished run leaves: what the suite loads, with a card that says how it came about."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from rorem.errors import OutOfMemory
from rorem.nets.compute import out_of_memory
from rorem.version import __version__
from training.ema import Ema
from training.record import LOG
from training.settings import LoopSettings, written
from training.state import State
from training.task import Task

if TYPE_CHECKING:
    from accelerate import Accelerator

RESULT = "result"
CARD = "README.md"
HELPS = "Try a smaller --batch with more --accumulate, --checkpointing true, or --optimizer adamw8bit."


def write(task: Task[Any], accelerator: Accelerator, model: nn.Module, ema: Ema | None, state: State) -> None:
    """OUT/result, whole or not at all; with the averaged weights if there are any. Raises OSError."""
    with ema.in_place() if ema is not None else nullcontext():  # the weights of `get_state_dict` are the model's own
        weights: Any = accelerator.get_state_dict(model)
        if accelerator.is_main_process:
            _write(task, weights, state)
    accelerator.wait_for_everyone()


def _write(task: Task[Any], weights: Mapping[str, Tensor], state: State) -> None:
    out = task.settings.out
    partial = out / f".{RESULT}"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    task.save(weights, partial)
    (partial / "settings.yaml").write_text(written(task.settings), "utf-8")
    (partial / CARD).write_text(card(task.settings, task.about(), state, last_validation(out)), "utf-8")
    shutil.rmtree(out / RESULT, ignore_errors=True)
    partial.rename(out / RESULT)


def card(settings: LoopSettings, about: Mapping[str, Any], state: State, metrics: Mapping[str, float]) -> str:
    """A model card, Markdown with the Hub's front matter. about: see `Task.about`; its `tags`, `title`, `licence` are
    the card's own, everything else is told in a table."""
    front = {
        "library_name": "diffusers",
        "pipeline_tag": "image-to-image",
        "tags": ["inpainting", "object-removal", *about.get("tags", ())],
        **({"license": about["licence"]} if about.get("licence") else {}),
    }
    told = {name: value for name, value in about.items() if name not in ("tags", "title", "licence", "text")}
    told |= {"updates": state.step, "updates left out": state.skipped, "records left out": state.bad}
    lines = ["---", *_yaml(front), "---", "", f"# {about.get('title', 'A model trained with RORem')}", ""]
    if about.get("text"):
        lines += [str(about["text"]), ""]
    lines += ["| | |", "|---|---|", *(f"| {_cell(name)} | {_cell(value)} |" for name, value in told.items()), ""]
    if metrics:
        lines += ["## Validation", "", "| metric | value |", "|---|---|"]
        lines += [f"| {_cell(name)} | {value:.4f} |" for name, value in metrics.items()] + [""]
    lines += [
        "## Settings",
        "",
        "```yaml",
        written(settings).rstrip(),
        "```",
        "",
        f"Made with rorem {__version__}.",
        "",
    ]
    return "\n".join(lines)


def last_validation(out: Path) -> Mapping[str, float]:
    """The metrics that the log holds last; none without a validation."""
    found: Mapping[str, float] = {}
    try:
        for line in (out / LOG).read_text("utf-8").splitlines():
            found = json.loads(line).get("validation", found)
    except (OSError, ValueError):
        return found
    return found


@contextmanager
def in_memory(device: torch.device) -> Iterator[None]:
    """Raises OutOfMemory with the switches that help, where the device's memory was not enough."""
    try:
        yield
    except Exception as error:
        if not out_of_memory(error):
            raise
        total = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else 0
        has = f" It has {total / 1e9:.0f} GB." if total else ""
        raise OutOfMemory(f"The memory of {device} was not enough for this run.{has}", HELPS) from error


def _yaml(front: Mapping[str, Any]) -> list[str]:
    import yaml

    return yaml.safe_dump(front, sort_keys=False).rstrip().splitlines()


def _cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
