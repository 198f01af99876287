"""Networks of diffusers from a folder on this machine, whole or not at all."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from rorem.errors import BadWeights
from rorem.nets.compute import out_of_memory
from rorem.nets.reading import finite

Model = TypeVar("Model")
log = logging.getLogger(__name__)


def load_model(kind: type[Model], folder: Path, dtype: torch.dtype) -> Model:
    """A diffusers model from a `save_pretrained` folder, sharded or not, in any stored precision.

    Raises BadWeights in one sentence where something is missing, has another shape, or is not a number.
    """
    if not (folder / "config.json").is_file():
        found = sorted(file.name for file in folder.iterdir())[:5] if folder.is_dir() else []
        held = f"it holds {', '.join(found)}" if found else "it is empty or missing"
        raise BadWeights(f"{folder} should hold a {kind.__name__} with its config.json, but {held}.")
    loader: Any = kind
    quiet()
    try:
        model, told = loader.from_pretrained(
            folder,
            torch_dtype=dtype,
            variant=variant(folder),
            local_files_only=True,
            use_safetensors=None if list(folder.glob("*.safetensors*")) else False,  # else it complains of none
            output_loading_info=True,
        )
    except Exception as error:
        raise unreadable(error, f"The {kind.__name__} in {folder}") from error
    missing, foreign = sorted(told["missing_keys"]), sorted(told["unexpected_keys"])
    if missing:
        instead = f" and holds {foreign[0]} instead" if foreign else ""
        raise BadWeights(f"The {kind.__name__} in {folder} lacks {missing[0]} ({len(missing)} in all){instead}.")
    check_finite(model, folder)
    return model.eval().requires_grad_(False)


def scheduler_config(base: Path) -> Mapping[str, Any]:
    """The configuration of the scheduler of a diffusers folder. Raises BadWeights."""
    file = base / "scheduler" / "scheduler_config.json"
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadWeights(f"{file} should hold the scheduler's configuration and cannot be read.") from error


def unreadable(error: Exception, what: str) -> Exception:
    """What to raise where a library failed to read something: a damaged file can make it raise anything."""
    if out_of_memory(error):
        return error
    log.info("%s cannot be read", what, exc_info=error)
    return BadWeights(f"{what} cannot be read: a file there is damaged, or something else than its name says.")


def quiet() -> None:
    """Keeps diffusers and transformers from drawing progress bars and warning of what is meant to be so."""
    import diffusers.utils.logging
    import transformers.utils.logging

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()


def variant(folder: Path) -> str | None:
    """ "fp16" where only that precision lies in the folder. Both hold the same weights, rounded."""
    names = [file.name for file in folder.glob("*.safetensors*")]
    return "fp16" if names and all(".fp16." in name for name in names) else None


def check_finite(model: torch.nn.Module, folder: Path) -> None:
    """Raises BadWeights for the first tensor with something in it that is not a number."""
    for name, tensor in model.state_dict().items():
        if not finite(tensor):
            raise BadWeights(f"{name} in {folder} holds values that are not numbers.")
